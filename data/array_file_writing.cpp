// ArrayFile: writing. With several ranks, rank 0 describes the arrays and all write their numbers.
#include <hdf5_hl.h>

#include <algorithm>
#include <cstdio>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/array_file.hpp"
#include "data/array_file_state.hpp"

namespace dcmmm {
namespace {

hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return H5T_IEEE_F32LE;
    case ElementType::kFloat64:
      return H5T_IEEE_F64LE;
    case ElementType::kInt64:
      return H5T_STD_I64LE;
    case ElementType::kUInt8:
      return H5T_STD_U8LE;
    case ElementType::kText:
      break;
  }
  throw UserError("Texts are written by add_coordinate, add_labels or add_text.");
}

/// UTF-8 of `size` bytes, filled up with zeros: fixed length keeps texts out of HDF5's heap, which has no checksums.
Hdf5Handle text_type(size_t size) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), size);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void check_text(const std::string& value) {
  if (value.find('\0') != std::string::npos) {
    throw UserError(text("The text '", value.c_str(), "' holds a zero byte, which files of arrays can't keep."));
  }
}

/// Chunks for an array that says nothing about them.
std::vector<int64_t> whole_rows(const std::vector<hsize_t>& shape, size_t element_bytes) {
  constexpr size_t kBytes = 1 << 20;  // fits the chunk cache
  std::vector<int64_t> chunk(shape.begin(), shape.end());
  size_t row_bytes = element_bytes;
  for (size_t i = 1; i < shape.size(); ++i) row_bytes *= shape[i];
  chunk[0] = static_cast<int64_t>(std::max<size_t>(1, kBytes / std::max<size_t>(1, row_bytes)));
  return chunk;
}

/// "" or why it failed: asked for here, since closing anything makes HDF5 forget it.
std::string write_attribute(hid_t object, const char* key, hid_t type, hid_t space, const void* value) {
  if (H5Aexists(object, key) > 0 && H5Adelete(object, key) < 0) return hdf5_reason();
  const Hdf5Handle attribute(H5Acreate2(object, key, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid() || H5Awrite(attribute.get(), type, value) < 0) return hdf5_reason();
  return "";
}

std::string write_attribute(hid_t object, const char* key, const std::string& value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  // c_str() has a byte even for an empty text: HDF5 knows no texts of length 0.
  return write_attribute(object, key, text_type(std::max<size_t>(1, value.size())).get(), space.get(), value.c_str());
}

}  // namespace

void ArrayFile::State::create_dataset(const std::string& name, hid_t type, const std::vector<std::string>& on,
                                      const ArrayLayout& layout, const std::string& scale_name) {
  if (name.empty() || name == "." || name.find('/') != std::string::npos) {
    throw UserError(text("'", name, "' can't be the name of an array: it must not be empty or hold a '/'."));
  }
  if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0) {
    throw UserError(text("'", path.string(), "' already holds an array '", name, "'."));
  }
  std::vector<hsize_t> shape;
  std::vector<int32_t> numbers;
  for (const auto& dimension : on) {
    const int64_t number = number_of_dimension(dimension);
    if (number < 0) throw UserError(text("Array '", name, "' stands on the unknown dimension '", dimension, "'."));
    numbers.push_back(static_cast<int32_t>(number));
    shape.push_back(static_cast<hsize_t>(dimensions[static_cast<size_t>(number)].length));
  }
  const Hdf5Handle space(
      on.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
      H5Sclose);
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  const bool has_elements = std::find(shape.begin(), shape.end(), hsize_t{0}) == shape.end();
  std::vector<int64_t> parts = layout.chunk;
  if (sealed && parts.empty() && !shape.empty()) parts = whole_rows(shape, H5Tget_size(type));
  if (!parts.empty() && has_elements) {
    if (parts.size() != shape.size()) {
      throw UserError(text("Array '", name, "' needs a chunk length for each of its ", shape.size(), " dimensions."));
    }
    std::vector<hsize_t> chunk;
    for (size_t i = 0; i < shape.size(); ++i) {
      chunk.push_back(std::clamp<hsize_t>(static_cast<hsize_t>(parts[i]), 1, shape[i]));
    }
    H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    if (layout.compress && !layout.chunk.empty()) {
      H5Pset_shuffle(creation.get());
      H5Pset_deflate(creation.get(), 1);
    }
    H5Pset_fletcher32(creation.get());
  } else {
    // All space is taken before the first number is written: by one rank or many, the file is laid out the same.
    H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY);
  }
  Hdf5Handle& dataset = datasets[name];
  dataset = Hdf5Handle(
      H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid()) fail_writing(name);
  std::string problem;
  if (!scale_name.empty()) {
    const Hdf5Handle scalar(H5Screate(H5S_SCALAR), H5Sclose);
    if (H5DSset_scale(dataset.get(), scale_name.c_str()) < 0) fail_writing(name);
    problem = write_attribute(dataset.get(), kDimensionNumber, H5T_NATIVE_INT32, scalar.get(), numbers.data());
  } else if (!on.empty()) {
    for (size_t i = 0; i < on.size(); ++i) {
      const hid_t scale = this->dataset(on[i]);
      if (H5DSattach_scale(dataset.get(), scale, static_cast<unsigned>(i)) < 0) fail_writing(name);
    }
    const auto count = static_cast<hsize_t>(numbers.size());
    const Hdf5Handle list(H5Screate_simple(1, &count, nullptr), H5Sclose);
    problem = write_attribute(dataset.get(), kDimensionNumbers, H5T_NATIVE_INT32, list.get(), numbers.data());
  }
  if (problem.empty() && !layout.units.empty()) problem = write_attribute(dataset.get(), "units", layout.units);
  if (problem.empty() && !layout.description.empty())
    problem = write_attribute(dataset.get(), "long_name", layout.description);
  if (!problem.empty()) fail_writing(name, problem);
}

std::vector<ByteRange> ArrayFile::State::chunks_of_numbers() {
  // Before 1.13.3 HDF5 counts a chunk's place from the end of the user block.
  constexpr uint64_t kFrom = H5_VERSION_GE(1, 13, 3) ? 0 : kSealBytes;
  std::vector<ByteRange> chunks;
  for (auto& [name, dataset] : datasets) {
    const Hdf5Handle type(H5Dget_type(dataset.get()), H5Tclose);
    const Hdf5Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    if (H5Tget_class(type.get()) == H5T_STRING || H5Pget_layout(creation.get()) != H5D_CHUNKED) continue;
    const std::vector<int64_t> lengths = shape(name);
    std::vector<hsize_t> part(lengths.size()), at(lengths.size(), 0);
    H5Pget_chunk(creation.get(), static_cast<int>(part.size()), part.data());
    for (bool more = true; more;) {
      unsigned filters_left_out = 0;
      haddr_t address = HADDR_UNDEF;
      hsize_t bytes = 0;
      if (H5Dget_chunk_info_by_coord(dataset.get(), at.data(), &filters_left_out, &address, &bytes) < 0) {
        fail_writing(name);
      }
      if (address != HADDR_UNDEF) chunks.push_back({kFrom + address, kFrom + address + bytes});
      more = false;
      for (size_t axis = at.size(); axis-- > 0 && !more;) {
        at[axis] += part[axis];
        more = at[axis] < static_cast<hsize_t>(lengths[axis]);
        if (!more) at[axis] = 0;
      }
    }
  }
  return chunks;
}

void ArrayFile::State::number_dimension(const std::string& name, int64_t length) {
  if (number_of_dimension(name) >= 0) throw UserError(text("Dimension '", name, "' was added before."));
  if (length < 0) throw UserError(text("Dimension '", name, "' can't have the length ", length, "."));
  dimensions.push_back({name, length});
}

void ArrayFile::State::write_texts(const std::string& name, const std::vector<std::string>& on,
                                   const std::vector<std::string>& values, const std::string& scale_name) {
  size_t size = 2;  // of one byte each, they would be taken for netCDF characters
  for (const auto& value : values) {
    check_text(value);
    size = std::max(size, value.size());
  }
  const Hdf5Handle type = text_type(size);
  create_dataset(name, type.get(), on, {}, scale_name);
  if (const auto problem = write_attribute(dataset(name), "_Encoding", "utf-8"); !problem.empty())
    fail_writing(name, problem);
  if (values.empty()) return;
  std::string bytes(size * values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i) values[i].copy(bytes.data() + i * size, size);
  if (H5Dwrite(dataset(name), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) fail_writing(name);
}

void ArrayFile::add_dimension(const std::string& name, int64_t length) {
  state_->describe([&] {
    state_->number_dimension(name, length);
    char scale_name[80];
    std::snprintf(scale_name, sizeof scale_name, "%s%10lld", kBareDimension, static_cast<long long>(length));
    state_->create_dataset(name, H5T_STD_U8LE, {name}, {}, scale_name);
  });
}

void ArrayFile::add_coordinate(const std::string& name, const std::vector<std::string>& labels) {
  state_->describe([&] {
    state_->number_dimension(name, static_cast<int64_t>(labels.size()));
    state_->write_texts(name, {name}, labels, name);
  });
}

void ArrayFile::add_coordinate(const std::string& name, const std::vector<double>& values, const std::string& units) {
  state_->describe([&] {
    state_->number_dimension(name, static_cast<int64_t>(values.size()));
    state_->create_dataset(name, H5T_IEEE_F64LE, {name}, {.units = units}, name);
    if (!values.empty() &&
        H5Dwrite(state_->dataset(name), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
      state_->fail_writing(name);
    }
  });
}

void ArrayFile::add_array(const std::string& name, ElementType type, const std::vector<std::string>& dimensions,
                          const ArrayLayout& layout) {
  if (!layout.chunk.empty()) state_->collective.insert(name);
  state_->describe([&] { state_->create_dataset(name, stored_type(type), dimensions, layout, ""); });
}

void ArrayFile::add_labels(const std::string& name, const std::string& dimension,
                           const std::vector<std::string>& labels) {
  state_->describe([&] {
    const int64_t number = state_->number_of_dimension(dimension);
    if (number >= 0 && state_->dimensions[static_cast<size_t>(number)].length != static_cast<int64_t>(labels.size())) {
      throw UserError(text("'", name, "' brings ", labels.size(), " labels for dimension '", dimension, "', which has ",
                           state_->dimensions[static_cast<size_t>(number)].length, "."));
    }
    state_->write_texts(name, {dimension}, labels, "");
  });
}

void ArrayFile::add_text(const std::string& name, const std::string& value) {
  state_->describe([&] { state_->write_texts(name, {}, {value}, ""); });
}

template <class Element>
void ArrayFile::write(const std::string& name, const std::vector<int64_t>& start, const std::vector<int64_t>& count,
                      std::span<const Element> values) {
  const auto elements = static_cast<hsize_t>(values.size());
  Hdf5Handle space;
  const auto choose_box = [&] {
    space = state_->select(name, start, count);
    if (const hssize_t selected = H5Sget_select_npoints(space.get()); selected != static_cast<hssize_t>(elements)) {
      throw UserError(text("Array '", name, "' was given ", elements, " values for a box of ", selected, "."));
    }
  };
  const auto transfer = [&](bool collective) {
    if (elements == 0 && !collective) return;
    const Hdf5Handle memory = box_in_memory(count);
    const Hdf5Handle properties(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    if (collective) H5Pset_dxpl_mpio(properties.get(), H5FD_MPIO_COLLECTIVE);
    const Element nothing{};  // HDF5 wants an address even where nothing is written
    const Element* from = elements == 0 ? &nothing : values.data();
    if (H5Dwrite(state_->dataset(name), memory_type<Element>(), memory.get(), space.get(), properties.get(), from) <
        0) {
      state_->fail_writing(name);
    }
  };
  // Packed chunks must be written collectively: ranks may share one. All else goes independently, because a collective
  // write that fails on one rank (a full disk) leaves the others waiting in it for good.
  if (state_->communicator == nullptr || !state_->collective.contains(name)) {
    state_->alone([&] {
      choose_box();
      transfer(false);
    });
    return;
  }
  // Agreed upon before the transfer: a rank that stayed away from it would leave the others waiting.
  state_->together(choose_box);
  state_->together([&] {
    const Hdf5Handle creation(H5Dget_create_plist(state_->dataset(name)), H5Pclose);
    transfer(H5Pget_layout(creation.get()) == H5D_CHUNKED);  // one without elements isn't
  });
}

template void ArrayFile::write<float>(const std::string&, const std::vector<int64_t>&, const std::vector<int64_t>&,
                                      std::span<const float>);
template void ArrayFile::write<double>(const std::string&, const std::vector<int64_t>&, const std::vector<int64_t>&,
                                       std::span<const double>);
template void ArrayFile::write<int64_t>(const std::string&, const std::vector<int64_t>&, const std::vector<int64_t>&,
                                        std::span<const int64_t>);
template void ArrayFile::write<uint8_t>(const std::string&, const std::vector<int64_t>&, const std::vector<int64_t>&,
                                        std::span<const uint8_t>);

void ArrayFile::set_attribute(const std::string& array, const std::string& key, const std::string& value) {
  state_->describe([&] {
    check_text(value);
    const auto problem = write_attribute(state_->object(array), key.c_str(), value);
    if (!problem.empty()) state_->fail_writing(array, problem);
  });
}

void ArrayFile::set_attribute(const std::string& array, const std::string& key, int64_t value) {
  state_->describe([&] {
    const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const auto problem = write_attribute(state_->object(array), key.c_str(), H5T_STD_I64LE, space.get(), &value);
    if (!problem.empty()) state_->fail_writing(array, problem);
  });
}

void ArrayFile::set_attribute(const std::string& array, const std::string& key, double value) {
  state_->describe([&] {
    const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const auto problem = write_attribute(state_->object(array), key.c_str(), H5T_IEEE_F64LE, space.get(), &value);
    if (!problem.empty()) state_->fail_writing(array, problem);
  });
}

}  // namespace dcmmm
