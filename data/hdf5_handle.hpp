// One HDF5 identifier that closes itself, and HDF5's own error stack as one plain sentence.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

namespace dcmmm {

class Hdf5Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Hdf5Handle() { close(); }

  /// False when the call that made the identifier failed.
  bool valid() const { return id_ >= 0; }
  hid_t get() const { return id_; }
  /// Leaves the identifier open for good.
  void abandon() { id_ = -1; }
  /// False when HDF5 reports an error: data that waited in a cache may not have reached the file.
  bool close() { return id_ < 0 || closer_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

/// Stops HDF5 from printing its error stack. Cheap; called before each file is opened.
void silence_hdf5();

/// Why the last HDF5 call failed: the system's own words ("No space left on device") where HDF5 knows them, else HDF5's
/// innermost description.
std::string hdf5_reason();

}  // namespace dcmmm
