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

enum class ElementType { kFloat32, kFloat64, kInt64, kUInt8 };

/// How an array is laid out. `chunk` empty: contiguous. `chunk` set: chunked, shuffled, deflated (level 1) and Fletcher32-checked.
struct ArrayLayout {
  std::vector<int64_t> chunk;              // elements along each dimension
  std::string units;                       // CF attribute `units`, left out when empty
  std::string description;                 // CF attribute `long_name`, left out when empty
};

/// One open file. Not copyable; closes on destruction, but call close() where write errors must be seen.
/// Throws UserError when the path can't be opened or created (missing, no permission, no space) and DamagedFileError when
/// it isn't an HDF5 file, is truncated, or misses what is asked for.
class ArrayFile {
 public:
  /// Creates or truncates `path`. With a communicator of several ranks every rank calls this and all that follows on the
  /// file in the same order, and write() is one collective parallel write in which a rank may bring no elements.
  static ArrayFile create(const std::filesystem::path& path, Communicator* communicator = nullptr);
  /// Opens for reading. Each rank opens and reads by itself.
  static ArrayFile open(const std::filesystem::path& path);

  ArrayFile(ArrayFile&&) noexcept;
  ArrayFile& operator=(ArrayFile&&) noexcept;
  ~ArrayFile();
  void close();

  // Writing. Dimensions first, then arrays on them.
  void add_dimension(const std::string& name, int64_t length);
  void add_coordinate(const std::string& name, const std::vector<std::string>& labels);
  void add_coordinate(const std::string& name, const std::vector<double>& values, const std::string& units = "");
  void add_array(const std::string& name, ElementType type, const std::vector<std::string>& dimensions, const ArrayLayout& layout = {});
  /// Writes the box that begins at `start` with `count` elements along each dimension; Element is float, double, int64_t or uint8_t.
  template <class Element>
  void write(const std::string& name, const std::vector<int64_t>& start, const std::vector<int64_t>& count, std::span<const Element> values);
  /// Attributes of the file (array "") or of an array.
  void set_attribute(const std::string& array, const std::string& key, const std::string& value);
  void set_attribute(const std::string& array, const std::string& key, int64_t value);
  void set_attribute(const std::string& array, const std::string& key, double value);

  // Reading.
  std::vector<std::string> arrays() const;  // names in creation order, dimension scales without coordinates left out
  bool has_array(const std::string& name) const;
  std::vector<int64_t> shape(const std::string& name) const;
  std::vector<std::string> dimensions(const std::string& name) const;
  ElementType element_type(const std::string& name) const;
  std::vector<std::string> labels(const std::string& coordinate) const;
  template <class Element>
  std::vector<Element> read(const std::string& name, const std::vector<int64_t>& start, const std::vector<int64_t>& count) const;
  template <class Element>
  std::vector<Element> read(const std::string& name) const;  // the whole array; converts between element types
  bool has_attribute(const std::string& array, const std::string& key) const;
  std::string text_attribute(const std::string& array, const std::string& key) const;
  int64_t integer_attribute(const std::string& array, const std::string& key) const;
  double real_attribute(const std::string& array, const std::string& key) const;
  std::map<std::string, std::string> attributes(const std::string& array) const;  // all, as text, for `inspect`

 private:
  struct State;
  explicit ArrayFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dcmmm
