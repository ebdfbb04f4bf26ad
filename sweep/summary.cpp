#include "sweep/summary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/csv_field.hpp"
#include "common/text.hpp"
#include "sweep/pareto.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kFewest = 8;
constexpr size_t kGroups = 4;

// The group of each value: its choice, or which fourth of the sorted values it is in. Equal values share a group.
std::vector<size_t> groups_of(const Parameter& parameter, const std::vector<double>& values) {
  std::vector<size_t> out;
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  for (const double value : values) {
    if (parameter.kind == Parameter::Kind::kChoice) {
      out.push_back(static_cast<size_t>(value));
    } else {
      const auto below = static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
      out.push_back(below * kGroups / sorted.size());
    }
  }
  return out;
}

double between_share(const std::vector<size_t>& groups, const std::vector<double>& ranks) {
  const size_t most = *std::max_element(groups.begin(), groups.end()) + 1;
  std::vector<double> sums(most), counts(most);
  const auto n = static_cast<double>(ranks.size());
  const double mean = std::accumulate(ranks.begin(), ranks.end(), 0.0) / n;
  double total = 0, between = 0, used = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    sums[groups[i]] += ranks[i] - mean;
    counts[groups[i]] += 1;
    total += (ranks[i] - mean) * (ranks[i] - mean);
  }
  for (size_t g = 0; g < most; ++g) {
    if (counts[g] == 0) continue;
    between += sums[g] * sums[g] / counts[g];
    ++used;
  }
  if (used < 2 || used >= n || total == 0) return NAN;
  return std::max(0.0, (between - (used - 1) * (total - between) / (n - used)) / total);
}

}  // namespace

std::vector<const Trial*> ranked_trials(const Study& study) {
  std::vector<const Trial*> complete, out;
  std::vector<std::vector<double>> losses;
  for (const Trial& trial : study.trials()) {
    if (trial.state != TrialState::kComplete || !trial.objective) continue;
    complete.push_back(&trial);
    losses.push_back(study.losses_of(trial));
  }
  const bool one = study.directions().size() < 2;
  const std::vector<int64_t> fronts = one ? std::vector<int64_t>(losses.size()) : front_numbers(losses);
  std::vector<size_t> order(complete.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return fronts[a] != fronts[b] ? fronts[a] < fronts[b] : losses[a][0] < losses[b][0];
  });
  for (const size_t i : order) out.push_back(complete[i]);
  return out;
}

std::vector<const Trial*> pareto_front(const Study& study) {
  std::vector<const Trial*> out;
  std::vector<std::vector<double>> losses;
  const auto ranked = ranked_trials(study);
  losses.reserve(ranked.size());
  for (const Trial* trial : ranked) losses.push_back(study.losses_of(*trial));
  const std::vector<int64_t> fronts = front_numbers(losses);
  for (size_t i = 0; i < ranked.size(); ++i)
    if (fronts[i] == 0) out.push_back(ranked[i]);
  return out;
}

std::string trials_csv(const Study& study, const SearchSpace& space) {
  std::string out = "number,state,objective";
  for (size_t i = 1; i < study.directions().size(); ++i) out += text(",objective_", i + 1);
  out += ",started,ended";
  for (const Parameter& parameter : space) out += text(",", csv_field(parameter.key));
  out += "\n";
  for (const Trial& trial : study.trials()) {
    out += text(trial.number, ",", name_of(trial.state), ",", trial.objective ? shortest(*trial.objective) : "");
    for (size_t i = 1; i < study.directions().size(); ++i)
      out += text(",", i <= trial.further.size() ? shortest(trial.further[i - 1]) : "");
    out += text(",", trial.started, ",", trial.ended);
    for (const Parameter& parameter : space) {
      const auto found = trial.values.find(parameter.key);
      out += text(",", found == trial.values.end() ? "" : csv_field(value_text(parameter, found->second)));
    }
    out += "\n";
  }
  return out;
}

std::vector<double> importances(const Study& study, const SearchSpace& space) {
  std::vector<const Trial*> ranked = ranked_trials(study);
  std::stable_sort(ranked.begin(), ranked.end(), [&](const Trial* a, const Trial* b) {
    return study.losses_of(*a)[0] < study.losses_of(*b)[0];  // the first objective's
  });
  std::erase_if(ranked, [&](const Trial* trial) { return !trial->values_of(space); });
  std::vector<double> out;
  // Equal objectives get the mean of their ranks.
  std::vector<double> ranks(ranked.size());
  for (size_t i = 0; i < ranked.size();) {
    size_t end = i;
    while (end < ranked.size() && *ranked[end]->objective == *ranked[i]->objective) ++end;
    for (size_t k = i; k < end; ++k) ranks[k] = static_cast<double>(i + end - 1) / 2;
    i = end;
  }
  for (const Parameter& parameter : space) {
    std::vector<double> values, own_ranks;  // of trials in which it counts
    for (size_t i = 0; i < ranked.size(); ++i) {
      const auto found = ranked[i]->values.find(parameter.key);
      if (found == ranked[i]->values.end()) continue;
      values.push_back(found->second);
      own_ranks.push_back(ranks[i]);
    }
    out.push_back(values.size() < kFewest ? NAN : between_share(groups_of(parameter, values), own_ranks));
  }
  return out;
}

Json summary_data(const Study& study, const SearchSpace& space, const std::vector<std::string>& objectives,
                  const std::string& about) {
  Json out = {{"about", about}, {"objective", objectives.front()}, {"maximises", study.maximises()}};
  out["further"] = std::vector<std::string>(objectives.begin() + 1, objectives.end());
  out["front"] = Json::array();
  for (const Trial* trial : pareto_front(study)) out["front"].push_back(trial->number);
  const std::vector<double> shares = importances(study, space);
  for (size_t p = 0; p < space.size(); ++p) {
    const Parameter& parameter = space[p];
    out["parameters"].push_back({{"key", parameter.key},
                                 {"log", parameter.log},
                                 {"choices", parameter.choices},
                                 {"importance", std::isnan(shares[p]) ? Json() : Json(shares[p])}});
  }
  out["trials"] = Json::array();
  for (const Trial& trial : study.trials()) {
    Json values = Json::array(), texts = Json::array();
    for (const Parameter& parameter : space) {
      const auto found = trial.values.find(parameter.key);
      values.push_back(found == trial.values.end() ? Json() : Json(found->second));
      texts.push_back(found == trial.values.end() ? "" : value_text(parameter, found->second));
    }
    const bool counts = trial.state == TrialState::kComplete && trial.objective;
    out["trials"].push_back({{"number", trial.number},
                             {"state", name_of(trial.state)},
                             {"objective", counts ? Json(*trial.objective) : Json()},
                             {"further", trial.further},
                             {"values", values},
                             {"texts", texts}});
  }
  out["best"] = Json::array();
  for (const Trial* trial : ranked_trials(study)) out["best"].push_back(trial->number);
  return out;
}

}  // namespace dcmmm
