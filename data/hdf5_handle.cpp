#include "data/hdf5_handle.hpp"

#include <string_view>

namespace dcmmm {
namespace {

struct Reason {
  std::string system;     // errno's text
  std::string innermost;  // HDF5's own description nearest to the cause
};

herr_t note_reason(unsigned, const H5E_error2_t* entry, void* data) {
  auto& reason = *static_cast<Reason*>(data);
  const std::string_view description = entry->desc != nullptr ? entry->desc : "";
  if (!description.empty()) reason.innermost = description;
  // Below are the formats of HDF5's POSIX driver and of its MPI driver.
  constexpr std::string_view kBegin = "error message = '";
  if (const size_t begin = description.find(kBegin); begin != std::string_view::npos) {
    const std::string_view rest = description.substr(begin + kBegin.size());
    reason.system = rest.substr(0, rest.find('\''));
  }
  for (const char* known : {"No space left on device", "Permission denied", "Read-only file system", "File too large",
                            "Disk quota exceeded", "No such file or directory", "Not a directory"}) {
    if (description.find(known) != std::string_view::npos) reason.system = known;
  }
  return 0;
}

}  // namespace

// Set up before main, and so before MPI, and never taken down: after a failed close (a full disk) HDF5 1.10 keeps the dead
// file's identifier, and would use it again, and crash, at exit or in MPI_Finalize. Files close themselves, so nothing
// is left to do there.
const bool kNeverTakenDown = H5dont_atexit() >= 0 && H5open() >= 0;

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string hdf5_reason() {
  Reason reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, note_reason, &reason);  // from the outermost call to the cause
  if (!reason.system.empty()) return reason.system;
  return reason.innermost.empty() ? "unknown reason" : reason.innermost;
}

}  // namespace dcmmm
