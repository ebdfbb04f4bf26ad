// Which command made a folder, so that no other one goes on there and nobody's own files are replaced.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

/// Writes overrides.yaml, whose first line names the command ("# dcmmm train"), and the next one its folder of config
/// files, where it has one ("# --config-dir /home/me/configs"). It is the first file that a command writes: by it the
/// others are known, however far the command came.
void write_words(const std::filesystem::path& folder, const std::string& command, const std::vector<std::string>& words,
                 const std::filesystem::path& config_dir = {});

/// The command that overrides.yaml names; "" where it names none, as in folders of earlier versions.
std::string maker_of(const std::filesystem::path& folder);

/// The folder of config files that overrides.yaml names; "" where the command had none.
std::string config_dir_of(const std::filesystem::path& folder);

/// What made the folder, "train", "crossval" or "sweep": by its mark, or by its files; "" where nothing tells.
std::string made_by(const std::filesystem::path& folder);

/// Throws UserError where one of the files is in the folder: whatever starts there would replace somebody's own. For
/// folders that no command made.
void refuse_anothers_files(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Throws UserError where another command made the folder that `command` is to go on in.
void refuse_anothers_run(const std::filesystem::path& folder, const std::string& command);

}  // namespace dcmmm
