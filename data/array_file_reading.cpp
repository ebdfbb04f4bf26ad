// ArrayFile: reading. Everything here is done by each rank alone.
#include <hdf5_hl.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"
#include "data/array_file_state.hpp"

namespace dcmmm {
namespace {

struct Link {
  int64_t order;
  std::string name;
};

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
  static_cast<std::vector<Link>*>(links)->push_back({info->corder, name});
  return 0;
}

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

// In the file's own order, sorted here: for any other, HDF5 1.10 makes a table first, and where the file is damaged in
// the middle of it, frees what it never allocated.
std::vector<std::string> names_in_creation_order(hid_t file, bool& done) {
  std::vector<Link> links;
  hsize_t position = 0;
  done = H5Literate(file, H5_INDEX_CRT_ORDER, H5_ITER_NATIVE, &position, collect_link, &links) >= 0;
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) { return a.order < b.order; });
  std::vector<std::string> names;
  names.reserve(links.size());
  for (Link& link : links) names.push_back(std::move(link.name));
  return names;
}

/// Reads an attribute of exactly `count` values of `type`.
bool read_attribute(hid_t object, const char* key, hid_t type, hssize_t count, void* values) {
  const Hdf5Handle attribute(H5Aopen(object, key, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return false;
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  return H5Sget_simple_extent_npoints(space.get()) == count && H5Aread(attribute.get(), type, values) >= 0;
}

std::string without_zeros(const char* bytes, size_t size) { return {bytes, std::find(bytes, bytes + size, '\0')}; }

}  // namespace

void ArrayFile::State::read_dimensions() {
  bool done = false;
  std::map<int32_t, Dimension> by_number;
  const auto names = names_in_creation_order(file.get(), done);
  if (!done) fail_reading("");  // before other calls of HDF5 forget the reason
  for (const auto& name : names) {
    if (H5Aexists(dataset(name), kDimensionNumber) <= 0) continue;
    int32_t number = -1;
    const auto lengths = shape(name);
    if (!read_attribute(dataset(name), kDimensionNumber, H5T_NATIVE_INT32, 1, &number) || lengths.size() != 1) {
      fail_damaged(name, "its dimension can't be read");
    }
    by_number[number] = {name, lengths[0]};
  }
  for (const auto& [number, dimension] : by_number) {
    if (number != static_cast<int32_t>(dimensions.size()))
      fail_damaged("", "its dimensions are not numbered from 0 on");
    dimensions.push_back(dimension);
  }
}

bool ArrayFile::is_sealed() const { return state_->sealed; }

std::vector<std::string> ArrayFile::dimension_names() const {
  std::vector<std::string> names;
  for (const auto& dimension : state_->dimensions) names.push_back(dimension.name);
  return names;
}

int64_t ArrayFile::dimension_length(const std::string& dimension) const {
  const int64_t number = state_->number_of_dimension(dimension);
  if (number < 0) state_->fail_damaged(dimension, "there is no such dimension in it");
  return state_->dimensions[static_cast<size_t>(number)].length;
}

std::vector<std::string> ArrayFile::arrays() const {
  bool done = false;
  auto names = names_in_creation_order(state_->file.get(), done);
  if (!done) state_->fail_reading("");
  std::erase_if(names, [&](const std::string& name) {
    return state_->number_of_dimension(name) >= 0 && has_attribute(name, "NAME") &&
           text_attribute(name, "NAME").starts_with(kBareDimension);
  });
  return names;
}

bool ArrayFile::has_array(const std::string& name) const {
  return !name.empty() && H5Lexists(state_->file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<int64_t> ArrayFile::shape(const std::string& name) const { return state_->shape(name); }

std::vector<std::string> ArrayFile::dimensions(const std::string& name) const {
  if (state_->number_of_dimension(name) >= 0) return {name};
  const size_t rank = state_->shape(name).size();
  std::vector<int32_t> numbers(rank);
  if (rank > 0 && !read_attribute(state_->dataset(name), kDimensionNumbers, H5T_NATIVE_INT32,
                                  static_cast<hssize_t>(rank), numbers.data())) {
    state_->fail_damaged(name, "it has no named dimensions");
  }
  std::vector<std::string> names;
  for (const int32_t number : numbers) {
    if (number < 0 || static_cast<size_t>(number) >= state_->dimensions.size()) {
      state_->fail_damaged(name, "it stands on a dimension that isn't there");
    }
    names.push_back(state_->dimensions[static_cast<size_t>(number)].name);
  }
  return names;
}

ElementType ArrayFile::element_type(const std::string& name) const {
  const Hdf5Handle type(H5Dget_type(state_->dataset(name)), H5Tclose);
  if (!type.valid()) state_->fail_reading(name);
  if (H5Tget_class(type.get()) == H5T_STRING) return ElementType::kText;
  if (H5Tequal(type.get(), H5T_IEEE_F32LE) > 0) return ElementType::kFloat32;
  if (H5Tequal(type.get(), H5T_IEEE_F64LE) > 0) return ElementType::kFloat64;
  if (H5Tequal(type.get(), H5T_STD_I64LE) > 0) return ElementType::kInt64;
  if (H5Tequal(type.get(), H5T_STD_U8LE) > 0) return ElementType::kUInt8;
  state_->fail_damaged(name, "its elements are of a type that is not used here");
}

std::vector<std::string> ArrayFile::labels(const std::string& coordinate) const {
  const auto lengths = state_->shape(coordinate);
  const hid_t dataset = state_->dataset(coordinate);
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0) {
    state_->fail_damaged(coordinate, "it doesn't hold texts of fixed length");
  }
  const size_t size = H5Tget_size(type.get());
  const auto count =
      static_cast<size_t>(std::accumulate(lengths.begin(), lengths.end(), int64_t{1}, std::multiplies<int64_t>()));
  std::string bytes(size * count, '\0');
  if (count > 0 && H5Dread(dataset, type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    state_->fail_reading(coordinate);
  }
  std::vector<std::string> labels;
  labels.reserve(count);
  for (size_t i = 0; i < count; ++i) labels.push_back(without_zeros(bytes.data() + i * size, size));
  return labels;
}

std::string ArrayFile::read_text(const std::string& name) const {
  if (!state_->shape(name).empty()) state_->fail_damaged(name, "it holds more than one text");
  return labels(name).front();
}

template <class Element>
std::vector<Element> ArrayFile::read(const std::string& name, const std::vector<int64_t>& start,
                                     const std::vector<int64_t>& count) const {
  const Hdf5Handle space = state_->select(name, start, count);
  const auto elements = static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
  std::vector<Element> values(elements);
  if (elements == 0) return values;
  const Hdf5Handle memory = box_in_memory(count);
  if (H5Dread(state_->dataset(name), memory_type<Element>(), memory.get(), space.get(), H5P_DEFAULT, values.data()) <
      0) {
    state_->fail_reading(name);
  }
  return values;
}

template <class Element>
std::vector<Element> ArrayFile::read(const std::string& name) const {
  const auto lengths = state_->shape(name);
  return read<Element>(name, std::vector<int64_t>(lengths.size(), 0), lengths);
}

template std::vector<float> ArrayFile::read<float>(const std::string&) const;
template std::vector<double> ArrayFile::read<double>(const std::string&) const;
template std::vector<int64_t> ArrayFile::read<int64_t>(const std::string&) const;
template std::vector<uint8_t> ArrayFile::read<uint8_t>(const std::string&) const;
template std::vector<float> ArrayFile::read<float>(const std::string&, const std::vector<int64_t>&,
                                                   const std::vector<int64_t>&) const;
template std::vector<double> ArrayFile::read<double>(const std::string&, const std::vector<int64_t>&,
                                                     const std::vector<int64_t>&) const;
template std::vector<int64_t> ArrayFile::read<int64_t>(const std::string&, const std::vector<int64_t>&,
                                                       const std::vector<int64_t>&) const;
template std::vector<uint8_t> ArrayFile::read<uint8_t>(const std::string&, const std::vector<int64_t>&,
                                                       const std::vector<int64_t>&) const;

bool ArrayFile::has_attribute(const std::string& array, const std::string& key) const {
  return H5Aexists(state_->object(array), key.c_str()) > 0;
}

std::string ArrayFile::text_attribute(const std::string& array, const std::string& key) const {
  const Hdf5Handle attribute(H5Aopen(state_->object(array), key.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) state_->fail_damaged(array, text("it has no attribute '", key, "'"));
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const size_t size = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 ||
      H5Sget_simple_extent_npoints(space.get()) != 1 || (!state_->writing && size > state_->file_bytes)) {
    state_->fail_damaged(array, text("its attribute '", key, "' is not one text"));
  }
  std::string bytes(size, '\0');
  if (H5Aread(attribute.get(), type.get(), bytes.data()) < 0) state_->fail_reading(array);
  return without_zeros(bytes.data(), size);
}

int64_t ArrayFile::integer_attribute(const std::string& array, const std::string& key) const {
  int64_t value = 0;
  if (!read_attribute(state_->object(array), key.c_str(), H5T_NATIVE_INT64, 1, &value)) {
    state_->fail_damaged(array, text("it has no whole number as attribute '", key, "'"));
  }
  return value;
}

double ArrayFile::real_attribute(const std::string& array, const std::string& key) const {
  double value = 0;
  if (!read_attribute(state_->object(array), key.c_str(), H5T_NATIVE_DOUBLE, 1, &value)) {
    state_->fail_damaged(array, text("it has no number as attribute '", key, "'"));
  }
  return value;
}

std::map<std::string, std::string> ArrayFile::attributes(const std::string& array) const {
  std::vector<std::string> keys;
  hsize_t position = 0;
  if (H5Aiterate2(state_->object(array), H5_INDEX_NAME, H5_ITER_NATIVE, &position, collect_attribute, &keys) < 0) {
    state_->fail_reading(array);
  }
  std::map<std::string, std::string> values;
  for (const auto& key : keys) {
    if (key == kDimensionNumber || key == kDimensionNumbers || key == "DIMENSION_LIST" || key == "REFERENCE_LIST" ||
        key == "CLASS" || key == "NAME" || key == "_Encoding") {
      continue;
    }
    const Hdf5Handle attribute(H5Aopen(state_->object(array), key.c_str(), H5P_DEFAULT), H5Aclose);
    const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
    switch (H5Tget_class(type.get())) {
      case H5T_STRING:
        values[key] = text_attribute(array, key);
        break;
      case H5T_INTEGER:
        values[key] = text(integer_attribute(array, key));
        break;
      case H5T_FLOAT:
        values[key] = shortest(real_attribute(array, key));
        break;
      default:
        values[key] = "(not shown)";
    }
  }
  return values;
}

}  // namespace dcmmm
