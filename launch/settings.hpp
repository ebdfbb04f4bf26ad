// From a checked config to the option structs of the rooms below, which know nothing of YAML.
#pragma once

#include "data/synthetic.hpp"
#include "data/table_import.hpp"
#include "graph/options.hpp"
#include "launch/value.hpp"
#include "model/options.hpp"
#include "trainer/estimate.hpp"
#include "trainer/options.hpp"
#include "trainer/rolling_origin.hpp"

namespace dcmmm {

ModelOptions model_options(const Value& config);
GraphOptions graph_options(const Value& config);
TrainerOptions trainer_options(const Value& config);

/// Which settings a run may choose by itself: with model.settings=auto those that the command line doesn't name.
FreeSettings free_settings(const Value& config, const std::vector<std::string>& overrides);
/// All of these, as the trainer takes them, but for the members' numbers.
EstimateOptions estimate_options(const Value& config, const std::vector<std::string>& overrides);
/// Whether the fit may choose the key's value: keep_chosen() puts it into the config, and no word names it.
bool is_chosen(const std::string& key, const std::vector<std::string>& overrides);
/// Puts chosen settings into the config, so that it says what is fitted.
void keep_chosen(const ModelOptions& chosen, bool by_likelihood, Value& config);

/// run.init: an earlier run's settings of model, data and trainer, as it chose them, but those that the command line
/// names, the table to read, and what belongs to the machine. Throws UserError when the command line asks for another
/// bundle.
void take_over_settings(const Value& earlier, const std::vector<std::string>& overrides, Value& config);

CrossvalOptions crossval_options(const Value& config);
SyntheticOptions synthetic_options(const Value& config);

/// Column roles of the `data` group; `source` is set by the caller.
ImportOptions import_options(const Value& config);

}  // namespace dcmmm
