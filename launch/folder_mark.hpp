// Which command made a folder, so that no other one goes on there and nobody's own files are replaced.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

/// Writes overrides.yaml, whose first line names the command ("# dcmmm train"). It is the first file that a command
/// writes: by it the others are known, however far the command came.
void write_words(const std::filesystem::path& folder, const std::string& command,
                 const std::vector<std::string>& words);

/// The command that overrides.yaml names; "" where it names none, as in folders of earlier versions.
std::string maker_of(const std::filesystem::path& folder);

/// Throws UserError where one of the files is in the folder: whatever starts there would replace somebody's own. For
/// folders that no command made.
void refuse_anothers_files(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Throws UserError where another command made the folder that `command` is to go on in.
void refuse_anothers_run(const std::filesystem::path& folder, const std::string& command);

}  // namespace dcmmm
