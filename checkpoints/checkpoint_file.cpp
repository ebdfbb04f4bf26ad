#include "checkpoints/checkpoint_file.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"

namespace dcmmm {
namespace {

constexpr const char* kKind = "dcmmm checkpoint";
constexpr const char* kRegion = "region";
constexpr const char* kConfig = "config";
constexpr const char* kNotePrefix = "note.";

/// Which axis of the array is cut by region, or -1.
int64_t region_axis(const std::vector<std::string>& dimensions) {
  const auto found = std::find(dimensions.begin(), dimensions.end(), kRegion);
  return found == dimensions.end() ? -1 : found - dimensions.begin();
}

ElementType type_of(const NamedArray& array) {
  constexpr ElementType kTypes[] = {ElementType::kFloat32, ElementType::kFloat64, ElementType::kInt64};
  return kTypes[array.values.index()];
}

/// Lengths of the dimensions in the file, in order: those with labels, then the others as the arrays name them.
using Dimensions = std::vector<std::pair<std::string, int64_t>>;

int64_t* find_length(Dimensions& dimensions, const std::string& name) {
  for (auto& [known, length] : dimensions) {
    if (known == name) return &length;
  }
  return nullptr;
}

/// Checks that the arrays fit each other and the labels. `all_regions`: regions of all ranks together.
Dimensions dimensions_of(const Checkpoint& checkpoint, int64_t all_regions) {
  Dimensions dimensions;
  for (const auto& [name, labels] : checkpoint.labels) {
    dimensions.emplace_back(name, static_cast<int64_t>(labels.size()));
  }
  for (const auto& array : checkpoint.arrays) {
    const auto size = std::accumulate(array.shape.begin(), array.shape.end(), int64_t{1}, std::multiplies<>());
    const auto values = static_cast<int64_t>(std::visit([](const auto& v) { return v.size(); }, array.values));
    if (array.shape.size() != array.dimensions.size() || values != size) {
      throw UserError(text("Can't write a checkpoint: array '", array.name, "' has ", values,
                           " values, but its shape asks for ", size, "."));
    }
    for (size_t axis = 0; axis < array.dimensions.size(); ++axis) {
      const std::string& name = array.dimensions[axis];
      const int64_t length = name == kRegion ? all_regions : array.shape[axis];
      const int64_t* known = find_length(dimensions, name);
      if (known == nullptr) {
        dimensions.emplace_back(name, length);
      } else if (*known != length) {
        throw UserError(text("Can't write a checkpoint: array '", array.name, "' has ", length, " elements along '",
                             name, "', which has ", *known, " elsewhere."));
      }
    }
  }
  return dimensions;
}

/// Regions of all ranks together. Throws on every rank when the ranks' parts don't fill them without gap or overlap.
int64_t count_regions(const Checkpoint& checkpoint, Communicator& communicator) {
  int64_t mine = 0;
  agree(communicator, [&] {
    bool known = false;
    for (const auto& array : checkpoint.arrays) {
      const int64_t axis = region_axis(array.dimensions);
      if (axis < 0) continue;
      if (static_cast<size_t>(axis) >= array.shape.size() ||
          (known && array.shape[static_cast<size_t>(axis)] != mine)) {
        throw UserError(
            text("Can't write a checkpoint: array '", array.name, "' holds other regions than the arrays before it."));
      }
      mine = array.shape[static_cast<size_t>(axis)];
      known = true;
    }
  });
  const double part[] = {static_cast<double>(checkpoint.first_region), static_cast<double>(mine)};
  const std::vector<double> gathered = communicator.all_gather(part);
  std::vector<std::pair<double, double>> parts;
  for (size_t i = 0; i < gathered.size(); i += 2) {
    if (gathered[i + 1] > 0) parts.emplace_back(gathered[i], gathered[i + 1]);
  }
  std::sort(parts.begin(), parts.end());
  double next = 0;
  for (const auto& [first, count] : parts) {
    if (first != next)
      throw UserError(
          text("Can't write a checkpoint: no rank, or more than one, brings region ", std::min(first, next), "."));
    next += count;
  }
  return static_cast<int64_t>(next);
}

/// Throws on every rank when the ranks' checkpoints are not made of the same arrays: their collective calls would not
/// match.
void check_same_on_all(const Checkpoint& checkpoint, const Dimensions& dimensions, Communicator& communicator) {
  Sha256 digest;
  const auto add = [&](const auto&... values) { digest.add(text(values..., "\n")); };
  for (const auto& [name, length] : dimensions) add(name, " ", length);
  for (const auto& array : checkpoint.arrays) add(array.name, " ", join(array.dimensions), " ", array.values.index());
  for (const auto& [key, value] : checkpoint.notes) add(key, " ", value.size());
  add(checkpoint.step, " ", checkpoint.config.size(), " ", checkpoint.panel_checksum);
  const std::string mine = digest.hexadecimal();
  std::string expected = mine;
  communicator.broadcast(expected);
  agree(communicator, [&] {
    if (mine != expected) throw UserError("Can't write a checkpoint: the ranks don't bring the same arrays and texts.");
  });
}

void write_array(ArrayFile& file, const NamedArray& array, int64_t first_region, bool is_rank_zero) {
  const int64_t axis = region_axis(array.dimensions);
  std::vector<int64_t> start(array.shape.size(), 0), count = array.shape;
  if (axis >= 0) {
    const auto region = static_cast<size_t>(axis);
    // A rank without regions may carry any first_region, also one past the end.
    start[region] = count[region] > 0 ? first_region : 0;
  } else if (!is_rank_zero) {
    std::fill(count.begin(), count.end(), 0);  // whole arrays are the same everywhere: rank 0 writes them
  }
  // An array without dimensions has no empty box: every rank writes its one value.
  const bool brings_values = axis >= 0 || is_rank_zero || array.shape.empty();
  std::visit(
      [&](const auto& values) {
        using Element = typename std::decay_t<decltype(values)>::value_type;
        file.write<Element>(array.name, start, count, std::span(values).first(brings_values ? values.size() : 0));
      },
      array.values);
}

template <class Element>
NamedArray read_array(const ArrayFile& file, const std::string& name, const std::vector<std::string>& dimensions,
                      const std::vector<int64_t>& start, const std::vector<int64_t>& count) {
  return {name, dimensions, count, file.read<Element>(name, start, count)};
}

void check_kind(const ArrayFile& file) {
  const std::string path = file.path().string();
  const std::string kind = file.has_attribute("", "file_kind") ? file.text_attribute("", "file_kind") : "";
  if (kind.empty()) {
    throw DamagedFileError(
        text("Can't read the checkpoint '", path, "': it is not a file of dcmmm. Use an older checkpoint."));
  }
  if (kind != kKind) {
    throw UserError(
        text("'", path, "' is a ", kind, " file, not a checkpoint. Give a file of a run's checkpoints folder."));
  }
  const int64_t version = file.integer_attribute("", "format_version");
  if (version != kCheckpointFormatVersion) {
    throw UserError(text("The checkpoint '", path, "' has format version ", version, "; this program reads version ",
                         kCheckpointFormatVersion, ". Go on with the program that wrote it, or train again."));
  }
}

}  // namespace

const NamedArray& Checkpoint::array(const std::string& name) const {
  for (const auto& candidate : arrays) {
    if (candidate.name == name) return candidate;
  }
  throw DamagedFileError(
      text("The checkpoint of step ", step, " holds no array '", name,
           "'. It was written by another version of the program, or with another model: train again."));
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint, Communicator& communicator) {
  const int64_t all_regions = count_regions(checkpoint, communicator);
  Dimensions dimensions;
  agree(communicator, [&] { dimensions = dimensions_of(checkpoint, all_regions); });
  check_same_on_all(checkpoint, dimensions, communicator);

  ArrayFile file = ArrayFile::create(path, &communicator);
  file.set_attribute("", "file_kind", kKind);
  file.set_attribute("", "format_version", kCheckpointFormatVersion);
  file.set_attribute("", "step", checkpoint.step);
  file.set_attribute("", "panel_checksum", checkpoint.panel_checksum);
  for (const auto& [name, length] : dimensions) {
    const auto labels = checkpoint.labels.find(name);
    if (labels != checkpoint.labels.end()) {
      file.add_coordinate(name, labels->second);
    } else {
      file.add_dimension(name, length);
    }
  }
  file.add_text(kConfig, checkpoint.config);
  for (const auto& [key, value] : checkpoint.notes) file.add_text(kNotePrefix + key, value);
  for (const auto& array : checkpoint.arrays) file.add_array(array.name, type_of(array), array.dimensions);
  for (const auto& array : checkpoint.arrays) {
    write_array(file, array, checkpoint.first_region, communicator.rank() == 0);
  }
  file.close();
}

Checkpoint read_checkpoint(const std::filesystem::path& path, int64_t first_region, int64_t regions) {
  const ArrayFile file = ArrayFile::open(path);
  check_kind(file);
  Checkpoint checkpoint;
  checkpoint.step = file.integer_attribute("", "step");
  checkpoint.panel_checksum = file.text_attribute("", "panel_checksum");
  checkpoint.config = file.read_text(kConfig);
  checkpoint.first_region = first_region;
  for (const auto& name : file.arrays()) {
    if (name == kConfig) continue;
    const ElementType type = file.element_type(name);
    const std::vector<std::string> dimensions = file.dimensions(name);
    if (type == ElementType::kText) {
      if (name.starts_with(kNotePrefix)) {
        checkpoint.notes[name.substr(std::char_traits<char>::length(kNotePrefix))] = file.read_text(name);
      } else {
        checkpoint.labels[name] = file.labels(name);
      }
      continue;
    }
    std::vector<int64_t> start(dimensions.size(), 0), count = file.shape(name);
    if (const int64_t axis = region_axis(dimensions); axis >= 0) {
      int64_t& length = count[static_cast<size_t>(axis)];
      const int64_t wanted = regions < 0 ? length - first_region : regions;
      if (first_region < 0 || wanted < 0 || first_region > length || wanted > length - first_region) {
        throw UserError(text("Regions ", first_region, " to ", first_region + wanted, " of the checkpoint '",
                             path.string(), "' were asked for; it has ", length, "."));
      }
      start[static_cast<size_t>(axis)] = first_region;
      length = wanted;
    }
    switch (type) {
      case ElementType::kFloat32:
        checkpoint.arrays.push_back(read_array<float>(file, name, dimensions, start, count));
        break;
      case ElementType::kFloat64:
        checkpoint.arrays.push_back(read_array<double>(file, name, dimensions, start, count));
        break;
      default:
        checkpoint.arrays.push_back(read_array<int64_t>(file, name, dimensions, start, count));
    }
  }
  return checkpoint;
}

}  // namespace dcmmm
