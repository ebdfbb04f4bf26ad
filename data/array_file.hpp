// HDF5 files of named arrays: the one thin RAII layer under panel files, checkpoints and results.
// Every array has named dimensions (HDF5 dimension scales), so that xarray and h5py open the file with names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dcmmm {

class Communicator;

enum class ElementType { kFloat32, kFloat64, kInt64, kUInt8, kText };

/// How an array is laid out. `chunk` empty: contiguous. `chunk` set: chunked and Fletcher32-checked; parts larger than
/// the array are cut to it, and an array without elements is contiguous anyhow.
struct ArrayLayout {
  std::vector<int64_t> chunk = {};  // elements along each dimension
  std::string units = {};           // CF attribute `units`, left out when empty
  std::string description = {};     // CF attribute `long_name`, left out when empty
  bool compress = true;             // chunks are shuffled and deflated (level 1)
};

/// One open file. Not copyable; closes on destruction, but call close() where write errors must be seen.
/// Writing throws UserError with the system's reason (missing folder, no permission, no space). Opening a file that
/// isn't there throws UserError; reading one that isn't HDF5, is truncated or altered, or misses what is asked for
/// throws DamagedFileError. Two files written by the same calls hold the same bytes.
class ArrayFile {
 public:
  /// Creates or truncates `path`. With a communicator of several ranks every rank makes this call and all that follow
  /// on the file, close() included, in the same order, and an error on one rank is thrown on all: by a later call, by
  /// close() at the latest. Rank 0's dimensions, texts and attributes are written; write() is one parallel write in
  /// which a rank may bring no elements. Reading is for files from open(). The communicator must outlive the file.
  /// Chunked arrays are written collectively: should the disk fill up in the middle of one, HDF5 may wait forever; so
  /// arrays that must survive that are contiguous.
  static ArrayFile create(const std::filesystem::path& path, Communicator* communicator = nullptr);
  /// The same by one rank, with a seal (data/file_seal.hpp) that close() writes: all arrays are chunked and
  /// Fletcher32-checked, and open() refuses the file when its length or anything but numbers was altered.
  static ArrayFile create_sealed(const std::filesystem::path& path);
  /// Opens for reading. Each rank opens and reads by itself.
  static ArrayFile open(const std::filesystem::path& path);

  ArrayFile(ArrayFile&&) noexcept;
  ArrayFile& operator=(ArrayFile&&) noexcept;
  ~ArrayFile();
  void close();
  const std::filesystem::path& path() const;

  // Writing. Dimensions first, then arrays on them. Names are not empty and hold no '/'; texts are UTF-8 without zero
  // bytes.
  void add_dimension(const std::string& name, int64_t length);
  void add_coordinate(const std::string& name, const std::vector<std::string>& labels);
  void add_coordinate(const std::string& name, const std::vector<double>& values, const std::string& units = "");
  void add_array(const std::string& name, ElementType type, const std::vector<std::string>& dimensions,
                 const ArrayLayout& layout = {});
  /// One text for each element of an existing dimension, beside its coordinate; read back by labels().
  void add_labels(const std::string& name, const std::string& dimension, const std::vector<std::string>& labels);
  /// One text of any length, without dimensions; read back by read_text().
  void add_text(const std::string& name, const std::string& value);
  /// Writes the box that begins at `start` with `count` elements along each dimension; Element is float, double,
  /// int64_t or uint8_t. REQUIRES: values.size() is the product of `count`.
  template <class Element>
  void write(const std::string& name, const std::vector<int64_t>& start, const std::vector<int64_t>& count,
             std::span<const Element> values);
  /// Attributes of the file (array "") or of an array. A second call replaces the value.
  void set_attribute(const std::string& array, const std::string& key, const std::string& value);
  void set_attribute(const std::string& array, const std::string& key, int64_t value);
  void set_attribute(const std::string& array, const std::string& key, double value);

  // Reading.
  bool is_sealed() const;
  std::vector<std::string> dimension_names() const;  // in creation order
  int64_t dimension_length(const std::string& dimension) const;
  std::vector<std::string> arrays() const;  // names in creation order, dimension scales without coordinates left out
  bool has_array(const std::string& name) const;
  std::vector<int64_t> shape(const std::string& name) const;
  std::vector<std::string> dimensions(const std::string& name) const;
  ElementType element_type(const std::string& name) const;
  std::vector<std::string> labels(const std::string& coordinate) const;
  std::string read_text(const std::string& name) const;
  template <class Element>
  std::vector<Element> read(const std::string& name, const std::vector<int64_t>& start,
                            const std::vector<int64_t>& count) const;
  template <class Element>
  std::vector<Element> read(const std::string& name) const;  // the whole array; converts between element types
  bool has_attribute(const std::string& array, const std::string& key) const;
  std::string text_attribute(const std::string& array, const std::string& key) const;
  int64_t integer_attribute(const std::string& array, const std::string& key) const;
  double real_attribute(const std::string& array, const std::string& key) const;
  /// All as text, without those that only carry the dimensions, for `inspect`.
  std::map<std::string, std::string> attributes(const std::string& array) const;

 private:
  struct State;
  explicit ArrayFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dcmmm
