// Files that are never half-written: a new file appears under its name complete and synced, or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace dcmmm {

/// Writes `path` through `path.tmp`: calls `write(temporary)`, then fsync, rename, fsync of the folder. On an error the
/// temporary is removed, an earlier `path` stays as it was, and the error passes on.
void replace_file(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write);

/// The same for a text: throws UserError that names the path and the system's reason (no space left, no permission).
void write_text_file(const std::filesystem::path& path, const std::string& content);

/// Throws UserError where `output` is the file `input` that the command reads, by whatever name; `key` is what named
/// it.
void refuse_to_replace(const std::filesystem::path& output, const std::filesystem::path& input, const std::string& key);

/// fsync of an existing file or folder. Throws UserError with the system's reason.
void sync_path(const std::filesystem::path& path);

/// What a user can do about a name that is too long or a folder without permission.
std::string describe(const std::filesystem::filesystem_error& error);

/// The whole content of a file. Throws UserError when it can't be read.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace dcmmm
