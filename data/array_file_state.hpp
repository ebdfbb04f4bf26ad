// What an ArrayFile holds; shared by its three source files only.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.hpp"
#include "data/array_file.hpp"
#include "data/file_seal.hpp"
#include "data/hdf5_handle.hpp"

namespace dcmmm {

// Names of netCDF4's own attributes: each dimension's number, and the numbers of an array's dimensions. The library
// reads its dimensions from these, because HDF5's DIMENSION_LIST lives in a heap without checksums.
inline constexpr const char* kDimensionNumber = "_Netcdf4Dimid";
inline constexpr const char* kDimensionNumbers = "_Netcdf4Coordinates";
// The NAME of a scale without coordinates; netCDF4 prints the length after it.
inline constexpr const char* kBareDimension = "This is a netCDF dimension but not a netCDF variable.";

struct ArrayFile::State {
  struct Dimension {
    std::string name;
    int64_t length;
  };
  std::filesystem::path path;
  Communicator* communicator = nullptr;  // set when several ranks write the file
  bool open_on_all = false;              // several ranks: whether all have the file open now, or rank 0 alone
  std::exception_ptr kept;               // several ranks: this one's first error since they last met
  std::set<std::string> collective;      // several ranks: arrays whose numbers are written by all at once
  bool writing = false;
  bool sealed = false;  // the file begins with a seal, or will when it is closed
  uint64_t file_bytes =
      0;  // reading: nothing that the file describes can be larger (compressed: than a multiple of it)
  Hdf5Handle file;
  std::vector<Dimension> dimensions;           // a dimension's place is its number
  std::map<std::string, Hdf5Handle> datasets;  // open ones: a closed one would lose its chunk cache

  // With several ranks most steps are taken without a word to the others, since an agreement on each of a checkpoint's
  // hundred steps takes longer than the steps: a rank keeps its first error and skips what follows, until all meet.

  /// Runs a step that describes arrays, by rank 0 alone when several ranks write: the bytes then don't depend on their
  /// number, and only numbers travel in parallel.
  void describe(const std::function<void()>& work);
  /// Runs a step that each rank takes for itself.
  void alone(const std::function<void()>& work);
  /// Runs a step that every rank takes part in; throws what went wrong on any of them so far.
  void together(const std::function<void()>& work);
  void keep_failure(const std::function<void()>& work);
  void throw_kept();
  /// Closes the file on every rank, and throws what went wrong on any of them so far.
  void close_together();
  void open_again(bool on_all);
  void close();
  /// Leaves what all ranks have open as it is: to close it is collective, and after a write that failed on one rank
  /// HDF5 would wait in it for good.
  void abandon();
  [[noreturn]] void fail_writing(const std::string& name) const;
  [[noreturn]] void fail_writing(const std::string& name, const std::string& reason) const;
  [[noreturn]] void fail_reading(const std::string& name) const;
  [[noreturn]] void fail_damaged(const std::string& name, const std::string& reason) const;
  hid_t dataset(const std::string& name);
  /// The dataset, or for "" the file's root group.
  hid_t object(const std::string& name) { return name.empty() ? file.get() : dataset(name); }
  /// The file's shape of an array. Throws DamagedFileError when it can't fit into the file.
  std::vector<int64_t> shape(const std::string& name);
  /// The box [start, start + count) of an array's dataspace. Throws UserError when it isn't inside the array.
  Hdf5Handle select(const std::string& name, const std::vector<int64_t>& start, const std::vector<int64_t>& count);

  void read_dimensions();
  void make_file();  // rank 0 or the only one
  /// Where the numbers of a file that is written lie: chunks with checksums.
  std::vector<ByteRange> chunks_of_numbers();

  void number_dimension(const std::string& name, int64_t length);
  /// Makes the dataset `name` of the HDF5 type on the dimensions `on`, with the attributes that carry them; as the
  /// dimension scale of its one dimension when `scale_name` is not empty.
  void create_dataset(const std::string& name, hid_t type, const std::vector<std::string>& on,
                      const ArrayLayout& layout, const std::string& scale_name);
  void write_texts(const std::string& name, const std::vector<std::string>& on, const std::vector<std::string>& values,
                   const std::string& scale_name);
  int64_t number_of_dimension(const std::string& name) const;  // -1 when there is none
};

/// The dataspace of a box's values in memory. It has as many dimensions as the file's: with fewer, HDF5 maps the
/// elements of chunked arrays one by one.
inline Hdf5Handle box_in_memory(const std::vector<int64_t>& count) {
  if (count.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> lengths(count.begin(), count.end());
  return {H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr), H5Sclose};
}

/// HDF5's type of a number in memory.
template <class Element>
hid_t memory_type() {
  if constexpr (std::is_same_v<Element, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<Element, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<Element, int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<Element, uint8_t>) return H5T_NATIVE_UINT8;
}

}  // namespace dcmmm
