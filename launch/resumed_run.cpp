#include "launch/resumed_run.hpp"

#include <algorithm>
#include <optional>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/schema.hpp"
#include "launch/settings.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Whether the fit depends on the key's value; the data's own places may have moved, and their checksums are compared.
bool is_of_the_fit(const std::string& key, bool is_finished) {
  for (const char* free : {"data.source", "data.panel", "trainer.threads", "trainer.device", "trainer.memory_limit",
                           "trainer.region_chunk", "trainer.time_limit"})
    if (key == free) return false;
  if (key == "trainer.steps" || key == "trainer.update_steps") return is_finished;
  return key.starts_with("model.") || key.starts_with("data.") || key.starts_with("trainer.") ||
         key.starts_with("ensemble.") || key == "run.seed" || key == "run.init";
}

// A file or folder that isn't where it was may have been moved.
bool may_be_moved(const Value& was, const Value& is) {
  const auto *before = was.as<std::string>(), *now = is.as<std::string>();
  if (before == nullptr || now == nullptr) return false;
  std::error_code none;
  return !fs::exists(*before, none) || fs::equivalent(*before, *now, none);
}

}  // namespace

void refuse_other_settings(const RunFolder& folder, const Value& config, const std::vector<std::string>& overrides) {
  const Value own = read_yaml_file(folder.config());
  for (const KeySpec& spec : known_keys()) {
    const Value *was = find_path(own, spec.key), *is = find_path(config, spec.key);
    // One of two versions may not have the key.
    if (was == nullptr || is == nullptr || *was == *is || !is_of_the_fit(spec.key, folder.is_finished)) continue;
    if (is_chosen(spec.key, overrides) || (spec.type == KeySpec::Type::kPath && may_be_moved(*was, *is))) continue;
    throw UserError(text("'", spec.key, "' is ", show(*was), " in the run in '", folder.path.string(), "', and ",
                         show(*is), " now: ",
                         folder.is_finished ? "that run is finished, and stays as it is"
                                            : "a run goes on with the settings that it was started with",
                         ". Take that change back to resume it, or choose another run.dir for another fit."));
  }
}

void refuse_fewer_steps(int64_t done, int64_t steps, const Value& config) {
  if (done <= steps) return;
  const bool is_update = get<std::optional<std::string>>(config, "run.init").has_value();
  throw UserError(text("The run has done ", done, " steps already, and ",
                       is_update ? "trainer.update_steps" : "trainer.steps", " asks for ", steps, ". Say ", done,
                       " to have the results of the steps so far, more to go on, or choose another run.dir for a "
                       "shorter fit."));
}

}  // namespace dcmmm
