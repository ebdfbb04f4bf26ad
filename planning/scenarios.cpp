#include "planning/scenarios.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "common/csv_field.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
#include "planning/problem.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kDrawsAtOnce = 16;
const std::vector<std::string> kColumns = {"scenario", "channel", "spend"};
const std::vector<std::string> kTaken = {"today", "plan", "cut"};
constexpr size_t kListed = 20;  // names that a message lists

// Places of names: as they are, or as the program's own files write them (with a ' before what a spreadsheet would
// run).
class Places {
 public:
  explicit Places(const std::vector<std::string>& names) : names_(names) {
    for (size_t i = 0; i < names.size(); ++i) {
      plain_.emplace(names[i], i);
      written_.emplace(csv_field(names[i]), i);
    }
  }

  std::optional<size_t> of(const std::string& name) const {
    if (const auto found = plain_.find(name); found != plain_.end()) return found->second;
    const auto found = written_.find(csv_field(name));
    return found != written_.end() ? std::optional(found->second) : std::nullopt;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  const std::vector<std::string>& names_;
  std::unordered_map<std::string, size_t> plain_, written_;
};

class ScenarioRows {
 public:
  ScenarioRows(const std::filesystem::path& path, const FittedRun& run)
      : reader_(path),
        file_(path.string()),
        run_(run),
        channels_(run.channels),
        regions_(run.regions),
        weeks_(run.weeks) {
    const auto has = [&](const std::string& column) {
      return std::find(reader_.columns().begin(), reader_.columns().end(), column) != reader_.columns().end();
    };
    for (const std::string& column : kColumns)
      if (!has(column))
        throw UserError(text(file_, ": no column '", column, "'. Expected ", join(kColumns),
                             " and, where you like, region and week; found ", join(reader_.columns()), "."));
    columns_ = kColumns;
    for (const std::string column : {"region", "week"})
      if (has(column)) columns_.push_back(column);
  }

  std::vector<Scenario> read() {
    reader_.select(columns_, {});
    std::vector<CellColumn> cells;
    while (reader_.next(cells))
      for (int64_t i = 0; i < cells[0].size(); ++i, ++row_) {
        std::vector<std::string> words;
        words.reserve(cells.size());
        for (const CellColumn& column : cells) words.emplace_back(column.texts[static_cast<size_t>(i)]);
        add_row(words);
      }
    if (scenarios_.empty()) throw UserError(text(file_, ": no scenarios, only a header. Leave plan.scenarios empty."));
    return std::move(scenarios_);
  }

 private:
  [[noreturn]] void fail(size_t column, const std::string& value, const std::string& problem,
                         const std::string& advice) {
    throw UserError(text(file_, ", ", reader_.place(row_), ", column '", columns_[column], "': '", value, "' is ",
                         problem, ". ", advice));
  }

  void add_row(const std::vector<std::string>& words) {
    const size_t scenario = scenario_of(words[0]), channel = one_of(channels_, 1, words[1], "channel of the run");
    const double spend = number(words[2]);
    if (spend > 0 && run_.has_price_C[channel] == 0)
      fail(2, words[2], text("for ", words[1], ", whose media never cost anything in the panel"),
           text("Give their price, plan.cost={", run_.channels[channel], ": PRICE}, or a spend of 0."));
    // The cells that the row speaks of: all regions and weeks where it names none.
    size_t first_region = 0, end_region = run_.regions.size(), first_week = 0, end_week = run_.weeks.size();
    for (size_t column = kColumns.size(); column < columns_.size(); ++column) {
      if (words[column].empty()) continue;
      const bool is_region = columns_[column] == "region";
      size_t& first = is_region ? first_region : first_week;
      first = one_of(is_region ? regions_ : weeks_, column, words[column],
                     is_region ? "region of the run" : "week of the horizon");
      (is_region ? end_region : end_week) = first + 1;
    }
    const auto each_cell = [&](const auto& visit) {
      for (size_t r = first_region; r < end_region; ++r)
        for (size_t t = first_week; t < end_week; ++t)
          visit((r * run_.channels.size() + channel) * run_.weeks.size() + t);
    };
    double today = 0;
    each_cell([&](size_t cell) { today += run_.today_RCH[cell]; });
    if (spend > 0 && !(today > 0) && end_region - first_region > 1)
      fail(2, words[2], text("for ", words[1], ", which has no spend today to spread it over regions by"),
           "Name the regions, or plan the channel with plan.channels.");
    each_cell([&](size_t cell) {
      if (named_[scenario][cell] != 0)
        fail(1, words[1], "there twice", "Say each channel, region and week of a scenario once.");
      named_[scenario][cell] = 1;
      const double share = today > 0 ? run_.today_RCH[cell] / today : 1 / static_cast<double>(end_week - first_week);
      scenarios_[scenario].spend_RCH[cell] = spend * share;
    });
  }

  size_t scenario_of(const std::string& name) {
    if (name.empty()) fail(0, name, "no name", "Name each scenario.");
    if (std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end())
      fail(0, name, "the name of a scenario that is always there", "Choose another one.");
    for (size_t s = 0; s < scenarios_.size(); ++s)
      if (scenarios_[s].name == name) return s;
    scenarios_.push_back({name, run_.today_RCH, {}, {}});
    named_.emplace_back(run_.today_RCH.size(), 0);
    return scenarios_.size() - 1;
  }

  size_t one_of(const Places& places, size_t column, const std::string& name, const std::string& what) {
    if (const auto found = places.of(name)) return *found;
    const std::vector<std::string>& names = places.names();
    const std::string expected = names.size() <= kListed ? join(names) : text(names.front(), ", ..., ", names.back());
    fail(column, name, "no " + what, text("Expected one of ", expected, ".", did_you_mean(name, names)));
  }

  double number(const std::string& digits) {
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size() ||
        !std::isfinite(value) || value < 0)
      fail(2, digits, "not an amount", "Expected a number, 0 or more.");
    return value;
  }

  TableReader reader_;
  std::string file_;
  const FittedRun& run_;
  Places channels_, regions_, weeks_;
  std::vector<std::string> columns_;
  std::vector<Scenario> scenarios_;
  std::vector<std::vector<uint8_t>> named_;  // of each scenario's cells
  int64_t row_ = 0;
};

}  // namespace

void add_outcomes(const FittedRun& run, std::vector<Scenario>& scenarios, size_t with_slopes, int threads) {
  const auto R = static_cast<int64_t>(run.regions.size()), C = static_cast<int64_t>(run.channels.size());
  const int64_t all = std::max<int64_t>(1, run.draws()), H = run.horizon;
  for (Scenario& scenario : scenarios) scenario.outcome_CD.assign(static_cast<size_t>(C * all), 0.0);
  for (size_t s = 0; s < with_slopes; ++s) scenarios[s].slope_RCH.assign(scenarios[s].spend_RCH.size(), 0.0);
  for (int64_t first = 0; first < all; first += kDrawsAtOnce) {
    const int64_t D = std::min(kDrawsAtOnce, all - first);
    std::vector<int64_t> draws(run.draws() > 0 ? static_cast<size_t>(D) : 0);
    std::iota(draws.begin(), draws.end(), first);
    const Responses responses = run.responses(draws, /*further=*/true);
    const std::vector<double> weight_D(static_cast<size_t>(D), 1.0 / static_cast<double>(all));
    in_parallel(threads, C, [&](int64_t begin, int64_t end) {
      RegionResponse response(responses);
      std::vector<double> outcome_D(static_cast<size_t>(D)), idle_D(static_cast<size_t>(D)),
          slope_H(static_cast<size_t>(H));
      for (int64_t c = begin; c < end; ++c) {
        std::fill(idle_D.begin(), idle_D.end(), 0.0);
        for (int64_t r = 0; r < R; ++r) add_idle_outcome(responses, r, c, idle_D.data());
        for (size_t s = 0; s < scenarios.size(); ++s) {
          Scenario& scenario = scenarios[s];
          std::fill(outcome_D.begin(), outcome_D.end(), 0.0);
          for (int64_t r = 0; r < R; ++r) {
            const int64_t cell = (r * C + c) * H;
            const double* spend_H = scenario.spend_RCH.data() + cell;
            if (s >= with_slopes) {
              response.outcome(r, c, spend_H, outcome_D.data());
              continue;
            }
            response.gradient(r, c, spend_H, weight_D.data(), outcome_D.data(), slope_H.data());
            for (int64_t t = 0; t < H; ++t) scenario.slope_RCH[cell + t] += slope_H[t];
          }
          for (int64_t d = 0; d < D; ++d) scenario.outcome_CD[c * all + first + d] = outcome_D[d] - idle_D[d];
        }
      }
    });
  }
}

Expected expected(const std::vector<double>& outcome_D, double level, double least) {
  const double mean = std::accumulate(outcome_D.begin(), outcome_D.end(), 0.0) / static_cast<double>(outcome_D.size());
  return {mean, interval_of(outcome_D, level, mean, least)};
}

std::vector<double> of_channel(const Scenario& scenario, int64_t channel, int64_t channels) {
  const auto D = static_cast<int64_t>(scenario.outcome_CD.size()) / channels;
  const auto first = scenario.outcome_CD.begin() + channel * D;
  return {first, first + D};
}

std::vector<double> over_channels(const Scenario& scenario, int64_t channels) {
  std::vector<double> out = of_channel(scenario, 0, channels);
  for (int64_t c = 1; c < channels; ++c) {
    const std::vector<double> more = of_channel(scenario, c, channels);
    for (size_t d = 0; d < out.size(); ++d) out[d] += more[d];
  }
  return out;
}

std::vector<double> channel_spend(const FittedRun& run, const std::vector<double>& spend_RCH) {
  const size_t C = run.channels.size();
  std::vector<double> out(C, 0.0);
  for (size_t i = 0; i < spend_RCH.size(); ++i) out[i / static_cast<size_t>(run.horizon) % C] += spend_RCH[i];
  return out;
}

std::vector<double> scaled_today(const FittedRun& run, const std::vector<double>& multiple_C) {
  std::vector<double> out = run.today_RCH;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] *= multiple_C[i / static_cast<size_t>(run.horizon) % run.channels.size()];
  return out;
}

std::vector<Scenario> read_scenarios(const std::filesystem::path& path, const FittedRun& run) {
  return ScenarioRows(path, run).read();
}

}  // namespace dcmmm
