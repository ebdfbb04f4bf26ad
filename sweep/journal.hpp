// A log of JSON lines that many processes append to and read: Optuna's journal file, under Optuna's lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dcmmm {

using JournalLine = nlohmann::ordered_json;

/// One reader's and writer's view of the file (a thread its own). Lines without their end, which a killed writer left,
/// don't count; the next writer cuts them off.
class Journal {
 public:
  explicit Journal(std::filesystem::path path) : path_(std::move(path)) {}

  /// The lines that came since the last call. None where there is no file. Throws DamagedFileError that names the line.
  std::vector<JournalLine> read_new();
  /// Lines read so far.
  int64_t lines() const { return read_lines_; }
  const std::filesystem::path& path() const { return path_; }

  /// With the lock held: `decide` is called and what it returns is appended at once and synced (none: nothing is).
  /// Throws UserError with the system's reason; then the file stays as it was.
  void append(const std::function<std::vector<JournalLine>()>& decide);

 private:
  std::filesystem::path path_;
  int64_t read_bytes_ = 0, read_lines_ = 0;
};

}  // namespace dcmmm
