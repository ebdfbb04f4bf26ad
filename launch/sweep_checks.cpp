#include "launch/sweep_checks.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/logging.hpp"
#include "launch/override_grammar.hpp"

namespace dcmmm {
namespace {

// A parameter's values to try beforehand: its choices, or both ends.
std::vector<double> extremes(const Parameter& parameter) {
  constexpr size_t kMost = 256;
  if (parameter.kind != Parameter::Kind::kChoice) return {parameter.low, parameter.high};
  std::vector<double> out;
  const size_t count = parameter.choices.size();
  for (size_t i = 0; i < count; ++i)
    if (i < kMost || i + 1 == count) out.push_back(static_cast<double>(i));
  return out;
}

// Two spellings of a value (0.1,0.10) would be trials that are the same.
void refuse_equal_choices(const Parameter& parameter) {
  std::map<std::string, std::string> seen;  // by what they mean
  for (const std::string& choice : parameter.choices) {
    Value value = parse_override(parameter.key + "=" + choice).value.value_or(Value());
    if (const auto* whole = value.as<int64_t>()) value = static_cast<double>(*whole);
    const auto [other, is_new] = seen.emplace(show(value), choice);
    if (!is_new)
      throw UserError(text("Can't search '", parameter.key, "': its values '", other->second, "' and '", choice,
                           "' are the same. Leave one of them out."));
  }
}

// Draws from few combinations of choices come again and again.
void warn_of_repetitions(const SweepPlan& plan) {
  const bool is_counted = std::all_of(plan.space.begin(), plan.space.end(), [](const Parameter& parameter) {
    return parameter.kind == Parameter::Kind::kChoice && parameter.when_key.empty();
  });
  if (plan.sampler == SamplerKind::kGrid || !is_counted || grid_size(plan.space) >= plan.trials) return;
  log_warning(text("The search has only ", counted(grid_size(plan.space), "combinations"), " of values for ",
                   counted(plan.trials, "trials"), ", so some are tried again. sweep.sampler=grid tries each once."));
}

}  // namespace

void check_trials(const SweepLine& line, const Sweep& sweep) {
  const SearchSpace& space = sweep.plan.space;
  for (const Parameter& parameter : space) refuse_equal_choices(parameter);
  warn_of_repetitions(sweep.plan);
  const std::vector<double> first = sample(sweep.plan.sampler, space, sweep.plan.seed, 0, {});
  for (size_t p = 0; p < space.size(); ++p)
    for (const double value : extremes(space[p])) {
      std::vector<double> values = first;
      for (size_t other = 0; other < space.size(); ++other) {
        if (space[other].key == space[p].when_key) values[other] = space[p].when_choice;
        if (std::isnan(values[other])) values[other] = extremes(space[other]).front();
      }
      values[p] = value;
      leave_out_inactive(space, values);
      composed(line, with_trial(sweep.words.words, trial_settings(space, values)));
    }
}

}  // namespace dcmmm
