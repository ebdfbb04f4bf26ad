#include "data/inspect.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"

namespace dcmmm {
namespace {

const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat64:
      return "float64";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kUInt8:
      return "uint8";
    case ElementType::kText:
      return "text";
  }
  return "";
}

/// All of a few values, or the first three and the last.
std::string abbreviated(std::vector<std::string> values) {
  constexpr size_t kAll = 20, kFirst = 3;
  if (values.size() <= kAll) return join(values);
  const std::string last = values.back();
  values.resize(kFirst);
  return join(values) + ", ..., " + last;
}

std::vector<std::string> values_of(const ArrayFile& file, const std::string& coordinate) {
  if (file.element_type(coordinate) == ElementType::kText) return file.labels(coordinate);
  std::vector<std::string> values;
  for (const double value : file.read<double>(coordinate)) values.push_back(shortest(value));
  return values;
}

std::string attribute_or_nothing(const ArrayFile& file, const std::string& array, const std::string& key) {
  return file.has_attribute(array, key) ? file.text_attribute(array, key) : "";
}

void describe_array(std::ostream& out, const ArrayFile& file, const std::string& name) {
  std::vector<std::string> lengths;
  for (const int64_t length : file.shape(name)) lengths.push_back(text(length));
  out << "  " << name << " (" << join(file.dimensions(name)) << ")";
  if (!lengths.empty()) out << " " << join(lengths, " x ");
  out << " " << name_of(file.element_type(name));
  const std::string units = attribute_or_nothing(file, name, "units");
  const std::string description = attribute_or_nothing(file, name, "long_name");
  if (!units.empty()) out << " [" << units << "]";
  if (!description.empty()) out << ": " << description;
  out << "\n";
}

void describe_text(std::ostream& out, const std::string& name, const std::string& value) {
  out << "  " << name << ":\n";
  std::istringstream lines(value);
  for (std::string line; std::getline(lines, line);) out << "    " << line << "\n";
}

/// Whether the file is HDF5, whole or not: it has the signature where HDF5 looks for it, begins with a seal, or is too
/// short to tell. Of a file that can't be read this isn't known.
bool may_be_hdf5(const std::filesystem::path& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n", kSeal = "dcmmm seal ";
  std::ifstream file(path, std::ios::binary);
  if (!file) return true;
  for (std::streamoff at = 0; file; at = at == 0 ? 512 : 2 * at) {
    char bytes[16] = {};
    file.seekg(at);
    file.read(bytes, sizeof bytes);
    const std::string_view begin(bytes, static_cast<size_t>(file.gcount()));
    if (begin.starts_with(kSignature)) return true;
    if (at == 0 && (begin.starts_with(kSeal) || kSignature.starts_with(begin) || kSeal.starts_with(begin))) return true;
  }
  return false;
}

}  // namespace

std::string describe_file(const std::filesystem::path& path) {
  if (!may_be_hdf5(path)) {
    throw UserError(text("'", path.string(), "' isn't an HDF5 file. Expected a panel file, a checkpoint or a results ",
                         "file of dcmmm (.h5); `dcmmm import` makes a panel file from a table."));
  }
  const ArrayFile file = ArrayFile::open(path);
  const auto dimensions = file.dimension_names();
  std::ostringstream coordinates, arrays, texts, out;
  for (const auto& name : file.arrays()) {
    const bool is_dimension = std::find(dimensions.begin(), dimensions.end(), name) != dimensions.end();
    if (is_dimension || (file.element_type(name) == ElementType::kText && !file.shape(name).empty())) {
      const std::string on = is_dimension ? "" : " (" + join(file.dimensions(name)) + ")";
      const std::string units = attribute_or_nothing(file, name, "units");
      coordinates << "  " << name << on << (units.empty() ? "" : " [" + units + "]") << ": "
                  << abbreviated(values_of(file, name)) << "\n";
    } else if (file.element_type(name) == ElementType::kText) {
      describe_text(texts, name, file.read_text(name));
    } else {
      describe_array(arrays, file, name);
    }
  }
  out << path.string() << "\n"
      << "dimensions:\n";
  for (const auto& name : dimensions) out << "  " << name << " " << file.dimension_length(name) << "\n";
  out << "coordinates:\n" << coordinates.str() << "arrays:\n" << arrays.str() << "attributes:\n";
  for (const auto& [key, value] : file.attributes("")) out << "  " << key << ": " << value << "\n";
  if (!texts.str().empty()) out << "texts:\n" << texts.str();
  return out.str();
}

}  // namespace dcmmm
