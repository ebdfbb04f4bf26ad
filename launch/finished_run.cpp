#include "launch/finished_run.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/schema.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

RunFolder run_of(const CommandContext& context) {
  const auto directory = get<std::optional<std::string>>(context.config, "run.dir");
  if (!directory) throw UserError("This command needs run=DIR, the folder that `dcmmm train` wrote.");
  return find_run_folder(*directory);
}

fs::path output_of(const CommandContext& context, const char* example) {
  const auto output = get<std::optional<fs::path>>(context.config, "output");
  if (!output) throw UserError(text("This command needs output=..., for example ", example, "."));
  return *output;
}

void check_results(const RunFolder& folder) {
  if (!folder.is_finished)
    throw UserError(text("The run in '", folder.path.string(), "' isn't finished: go on with dcmmm train run.dir=",
                         folder.path.string(), " run.resume=true."));
  const auto metrics = nlohmann::json::parse(read_text_file(folder.metrics()), nullptr, /*allow_exceptions=*/false);
  const std::string digest = metrics.is_object() ? metrics.value("results_sha256", "") : "";
  if (digest != sha256_of_file(folder.results()))
    throw DamagedFileError(
        text("'", folder.results().string(),
             "' isn't what the run wrote (its SHA-256 differs from metrics.json): the file is damaged. "
             "Restore it from a copy, or train again with run.overwrite=true."));
}

Value config_of(const RunFolder& folder) {
  Value config = read_yaml_file(folder.config());
  check_config(config);
  return config;
}

PanelFile panel_of(const RunFolder& folder) {
  // Unchecked: a run of an earlier version lacks keys that have come since, and this one it has.
  const auto panel = get<std::optional<fs::path>>(read_yaml_file(folder.config()), "data.panel");
  return PanelFile(panel.value_or(folder.panel()));
}

}  // namespace dcmmm
