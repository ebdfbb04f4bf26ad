#include "launch/finished_run.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/results_file.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
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
  if (!output || output->empty()) throw UserError(text("This command needs output=..., for example ", example, "."));
  return *output;
}

void refuse_outputs(const CommandContext& context, const RunFolder& folder, const std::vector<fs::path>& written) {
  const auto own = get<std::optional<fs::path>>(read_yaml_file(folder.config()), "data.panel"),
             given = get<std::optional<fs::path>>(context.config, "data.panel");
  for (const fs::path& file : written) {
    refuse_a_runs_file(file);
    if (own) refuse_to_replace(file, *own, "the run's data.panel");
    if (given) refuse_to_replace(file, *given, "data.panel");
  }
}

void refuse_anothers_tables(const fs::path& folder, const std::map<std::string, std::string>& headers) {
  const auto is_ours = [](const fs::path& file, const std::string& header) {
    if (file.extension() == ".parquet") {
      try {
        return join(TableReader(file).columns(), ",") == header;
      } catch (const Error&) {
        return false;
      }
    }
    std::ifstream in(file);
    std::string line;
    return std::getline(in, line) && line == header;
  };
  std::string another;
  for (const auto& [name, header] : headers) {
    if (std::error_code none; !fs::exists(folder / name, none)) continue;
    if (is_ours(folder / name, header)) return;
    another = name;
  }
  if (!another.empty())
    throw UserError(
        text("'", (folder / another).string(),
             "' is there and isn't what this command writes: it would be replaced. Choose another output, or "
             "take it away."));
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

// By a word of the command line; a file of the config's own says what the next run is to be fitted to.
static std::optional<fs::path> given_path(const CommandContext& context, const std::string& key) {
  const bool is_given = std::any_of(context.overrides.begin(), context.overrides.end(),
                                    [&](const std::string& word) { return word.starts_with(key + "="); });
  return is_given ? get<std::optional<fs::path>>(context.config, key) : std::nullopt;
}

PanelFile panel_of(const CommandContext& context, const RunFolder& folder) {
  if (const auto source = given_path(context, "data.source"))
    throw UserError(text("data.source is '", source->string(), "', but this command reads the panel that the run in '",
                         folder.path.string(),
                         "' was fitted to. Leave data.source out; where that panel was moved, name it with "
                         "data.panel=FILE.h5."));
  if (const auto given = given_path(context, "data.panel")) {
    PanelFile panel(*given);
    const std::string fitted = ResultsReader(folder.results()).shared().panel_checksum;
    if (panel.checksum() != fitted)
      throw UserError(text("data.panel is '", given->string(), "', which isn't the panel that the run in '",
                           folder.path.string(), "' was fitted to: its checksum is ", panel.checksum(), ", expected ",
                           fitted, ". Give the run's own panel file, or leave data.panel out."));
    return panel;
  }
  // Unchecked: a run of an earlier version lacks keys that have come since, and this one it has.
  const auto own = get<std::optional<fs::path>>(read_yaml_file(folder.config()), "data.panel").value_or(folder.panel());
  if (!fs::exists(own))
    throw UserError(text("The panel that the run in '", folder.path.string(), "' was fitted to, '", own.string(),
                         "', isn't there. Say where it is now with data.panel=FILE.h5."));
  return PanelFile(own);
}

Money money_of(const CommandContext& context, const RunFolder& folder, const PanelFile& panel) {
  Money out;
  out.revenue = get<std::optional<double>>(context.config, "data.revenue");
  // Unchecked: an earlier version's config has no such key.
  if (const Value config = read_yaml_file(folder.config());
      !out.revenue && find_path(config, "data.revenue") != nullptr)
    out.revenue = get<std::optional<double>>(config, "data.revenue");
  const auto cost = get<std::optional<NumberMap>>(context.config, "data.cost").value_or(NumberMap());
  if (cost.empty()) return out;
  const PanelCoordinates& names = panel.coordinates();
  out.cost_C.assign(names.channels.size(), std::numeric_limits<double>::quiet_NaN());
  for (const auto& [name, price] : cost) {
    auto found = std::find(names.channels.begin(), names.channels.end(), name) - names.channels.begin();
    if (found == std::ssize(names.channels))
      found =
          std::find(names.channel_columns.begin(), names.channel_columns.end(), name) - names.channel_columns.begin();
    if (found == std::ssize(names.channels))
      throw UserError(text("data.cost names '", name, "', which is no channel of the run. Expected one of ",
                           join(names.channels), ".", did_you_mean(name, names.channels)));
    if (!(price > 0) || !std::isfinite(price))
      throw UserError(
          text("'data.cost.", name, "' is ", shortest(price), ", but expected a price per media unit above 0."));
    out.cost_C[static_cast<std::size_t>(found)] = price;
  }
  for (std::size_t c = 0; c < out.cost_C.size(); ++c)
    if (std::isnan(out.cost_C[c]))
      throw UserError(text("data.cost has no price of channel '", names.channels[c],
                           "'. Give the price of every channel of the run, or of none."));
  return out;
}

}  // namespace dcmmm
