#include "sweep/summary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/text.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kFewest = 8;
constexpr size_t kGroups = 4;

std::string csv_field(const std::string& value) {
  if (value.find_first_of(",\"\n") == value.npos) return value;
  std::string out = "\"";
  for (const char letter : value) {
    if (letter == '"') out += letter;
    out += letter;
  }
  out += '"';
  return out;
}

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
  std::vector<const Trial*> out;
  for (const Trial& trial : study.trials())
    if (trial.state == TrialState::kComplete && trial.objective) out.push_back(&trial);
  std::stable_sort(out.begin(), out.end(), [&](const Trial* a, const Trial* b) {
    return study.maximises() ? *a->objective > *b->objective : *a->objective < *b->objective;
  });
  return out;
}

std::string trials_csv(const Study& study, const SearchSpace& space) {
  std::string out = "number,state,objective,started,ended";
  for (const Parameter& parameter : space) out += text(",", csv_field(parameter.key));
  out += "\n";
  for (const Trial& trial : study.trials()) {
    out += text(trial.number, ",", name_of(trial.state), ",", trial.objective ? shortest(*trial.objective) : "", ",",
                trial.started, ",", trial.ended);
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
    std::vector<double> values;
    for (const Trial* trial : ranked) values.push_back(trial->values.at(parameter.key));
    out.push_back(ranked.size() < kFewest ? NAN : between_share(groups_of(parameter, values), ranks));
  }
  return out;
}

Json summary_data(const Study& study, const SearchSpace& space, const std::string& objective,
                  const std::string& about) {
  Json out = {{"about", about}, {"objective", objective}, {"maximises", study.maximises()}};
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
                             {"values", values},
                             {"texts", texts}});
  }
  out["best"] = Json::array();
  for (const Trial* trial : ranked_trials(study)) out["best"].push_back(trial->number);
  return out;
}

}  // namespace dcmmm
