// Optuna's lock of a journal file: a symbolic link beside it, which only one process can make.
#pragma once

#include <filesystem>

namespace dcmmm {

/// Holds `JOURNAL.lock` as long as it lives, with Optuna's JournalFileSymlinkLock (optuna 5.0, storages/journal).
/// Beside it, dcmmm's own processes hold the system's lock on the journal, which a killed process can't leave behind:
/// so they know at once that a link of theirs is left over, where Optuna waits for 30 s (and so do they for a link of
/// Optuna).
class JournalLock {
 public:
  /// `descriptor`: the journal, open for writing. Waits. Throws UserError when the link can't be made.
  JournalLock(const std::filesystem::path& journal, int descriptor);
  ~JournalLock();
  JournalLock(const JournalLock&) = delete;
  JournalLock& operator=(const JournalLock&) = delete;

 private:
  std::filesystem::path link_;
  int descriptor_;
};

}  // namespace dcmmm
