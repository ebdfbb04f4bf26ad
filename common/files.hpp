// Files that are never half-written: a new file appears under its name complete and synced, or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace dcmmm {

/// A file on its way: written as `path.tmp`, under its name when it is published. While it lives no other process can
/// write it, as far as the file system knows locks. Unless it is published, nothing is left, and an earlier `path`
/// stays as it was.
class PendingFile {
 public:
  /// Throws UserError where `path` is a folder or a device, where its folder can't be written, and where another is
  /// writing it.
  explicit PendingFile(const std::filesystem::path& path);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();

  const std::filesystem::path& temporary() const { return temporary_; }
  /// fsync, rename, fsync of the folder. REQUIRES: the temporary is complete and closed.
  void publish();

 private:
  std::filesystem::path path_, temporary_;
  int lock_ = -1;
  bool is_published_ = false;
};

/// Calls `write(temporary)` between the two. An error passes on.
void replace_file(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write);

/// The same for a text: throws UserError that names the path and the system's reason (no space left, no permission).
void write_text_file(const std::filesystem::path& path, const std::string& content);

/// Throws UserError where `output` is the file `input` that the command reads, by whatever name; `key` is what named
/// it.
void refuse_to_replace(const std::filesystem::path& output, const std::filesystem::path& input, const std::string& key);

/// fsync of an existing file or folder (where folders can be synced). Throws UserError with the system's reason.
void sync_path(const std::filesystem::path& path);

/// What a user can do about a name that is too long or a folder without permission.
std::string describe(const std::filesystem::filesystem_error& error);

/// A file's content, a MiB at a time. Throws UserError with the system's reason when it can't be read to its end.
void read_blocks(const std::filesystem::path& path, const std::function<void(std::string_view)>& take);

/// The whole content of a file. Throws as read_blocks().
std::string read_text_file(const std::filesystem::path& path);

}  // namespace dcmmm
