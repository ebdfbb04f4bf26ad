#include "launch/folder_mark.hpp"

#include <algorithm>
#include <fstream>
#include <string_view>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMark = "# dcmmm ", kConfigDir = "# --config-dir ";

// What the folder holds says who made one of an earlier version; "" where that is both, or neither.
std::string maker_by_files(const fs::path& folder) {
  const auto holds = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return fs::exists(folder / name); });
  };
  const bool is_trained = holds({"metrics.json", "checkpoints/manifest.json"}),
             is_evaluated = holds({"crossval.json", "crossval_so_far.json", "origins"});
  return is_trained == is_evaluated ? "" : is_trained ? "train" : "crossval";
}

}  // namespace

void write_words(const fs::path& folder, const std::string& command, const std::vector<std::string>& words,
                 const fs::path& config_dir) {
  const std::string configs = config_dir.empty() ? "" : text(kConfigDir, fs::absolute(config_dir).string(), "\n");
  write_text_file(folder / "overrides.yaml",
                  text(kMark, command, "\n", configs, to_yaml(Value(Value::List(words.begin(), words.end())))));
}

std::string maker_of(const fs::path& folder) {
  std::ifstream in(folder / "overrides.yaml");
  std::string line;
  std::getline(in, line);
  return line.starts_with(kMark) ? line.substr(kMark.size()) : "";
}

std::string config_dir_of(const fs::path& folder) {
  std::ifstream in(folder / "overrides.yaml");
  std::string line;
  std::getline(in, line);
  std::getline(in, line);
  return line.starts_with(kConfigDir) ? line.substr(kConfigDir.size()) : "";
}

std::string made_by(const fs::path& folder) {
  std::error_code failed;
  const auto journal = fs::file_size(folder / "journal.log", failed);
  if (!failed && journal > 0) return "sweep";
  const std::string marked = maker_of(folder);
  return marked.empty() ? maker_by_files(folder) : marked;
}

void refuse_anothers_files(const fs::path& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::error_code none; fs::exists(folder / name, none))
      throw UserError(text("'", folder.string(), "' holds '", name,
                           "', and nothing shows that dcmmm wrote it: it would be replaced. Choose another run.dir, or "
                           "take it away."));
}

void refuse_anothers_run(const fs::path& folder, const std::string& command) {
  const std::string maker = made_by(folder);
  if (!maker.empty() && maker != command)
    throw UserError(text("'", folder.string(), "' holds what `dcmmm ", maker, "` made, which `dcmmm ", command,
                         "` can't go on with. Go on with dcmmm ", maker, " run.dir=", folder.string(),
                         " run.resume=true, or choose another run.dir."));
}

}  // namespace dcmmm
