// One run at a time in a run folder.
#pragma once

#include <filesystem>

namespace dcmmm {

/// Holds `FOLDER/run.lock` as long as it lives. The lock is the system's (on network file systems, too, where their
/// server keeps locks), so that a crashed run doesn't leave it behind; the file's content only tells people who holds
/// it.
class RunLock {
 public:
  /// Throws UserError that names the host, process and start of the run that holds the folder, or says why the file
  /// can't be written. Where the file system knows no locks, nothing is locked.
  explicit RunLock(const std::filesystem::path& folder);
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  /// Takes the file away.
  ~RunLock();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace dcmmm
