#include "planning/scenarios.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
#include "planning/problem.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kDrawsAtOnce = 16;
const std::vector<std::string> kColumns = {"scenario", "channel", "spend"};
const std::vector<std::string> kTaken = {"today", "plan", "cut"};

class ScenarioRows {
 public:
  ScenarioRows(const std::filesystem::path& path, const FittedRun& run)
      : reader_(path), file_(path.string()), run_(run), today_C_(channel_spend(run, run.today_RCH)) {
    for (const std::string& column : kColumns)
      if (std::find(reader_.columns().begin(), reader_.columns().end(), column) == reader_.columns().end())
        throw UserError(text(file_, ": no column '", column, "'. Expected ", join(kColumns), "; found ",
                             join(reader_.columns()), "."));
  }

  std::vector<Scenario> read() {
    reader_.select(kColumns, {});
    std::vector<std::string> names;
    std::vector<std::vector<double>> spend;  // NaN: not named
    std::vector<CellColumn> cells;
    while (reader_.next(cells))
      for (int64_t i = 0; i < cells[0].size(); ++i, ++row_) {
        const auto cell = [&](size_t column) { return std::string(cells[column].texts[static_cast<size_t>(i)]); };
        const std::string name = cell(0);
        if (name.empty()) fail(0, name, "no name", "Name each scenario.");
        if (std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end())
          fail(0, name, "the name of a scenario that is always there", "Choose another one.");
        auto place = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
        if (place == names.size()) {
          names.push_back(name);
          spend.emplace_back(run_.channels.size(), std::numeric_limits<double>::quiet_NaN());
        }
        const std::string channel = cell(1);
        const auto c =
            static_cast<size_t>(std::find(run_.channels.begin(), run_.channels.end(), channel) - run_.channels.begin());
        if (c == run_.channels.size())
          fail(1, channel, "no channel of the run",
               text("Expected one of ", join(run_.channels), ".", did_you_mean(channel, run_.channels)));
        if (!std::isnan(spend[place][c])) fail(1, channel, "there twice", "Name each channel once in a scenario.");
        spend[place][c] = number(cell(2));
        if (spend[place][c] > 0 && !(today_C_[c] > 0))
          fail(2, cell(2), text("for ", channel, ", which has no spend today to spread it by"),
               "Leave the channel out, or plan it with plan.channels.");
      }
    if (names.empty()) throw UserError(text(file_, ": no scenarios, only a header. Leave plan.scenarios empty."));
    std::vector<Scenario> out;
    for (size_t s = 0; s < names.size(); ++s) {
      std::vector<double> multiple_C;
      for (size_t c = 0; c < today_C_.size(); ++c)
        multiple_C.push_back(std::isnan(spend[s][c]) ? 1 : today_C_[c] > 0 ? spend[s][c] / today_C_[c] : 0);
      out.push_back({names[s], scaled_today(run_, multiple_C), {}});
    }
    return out;
  }

 private:
  [[noreturn]] void fail(size_t column, const std::string& value, const std::string& problem,
                         const std::string& advice) {
    throw UserError(text(file_, ", ", reader_.place(row_), ", column '", kColumns[column], "': '", value, "' is ",
                         problem, ". ", advice));
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
  std::vector<double> today_C_;
  int64_t row_ = 0;
};

}  // namespace

void add_outcomes(const FittedRun& run, std::vector<Scenario>& scenarios, int threads) {
  const auto R = static_cast<int64_t>(run.regions.size()), C = static_cast<int64_t>(run.channels.size());
  const int64_t all = std::max<int64_t>(1, run.draws()), H = run.horizon;
  for (Scenario& scenario : scenarios) scenario.outcome_CD.assign(static_cast<size_t>(C * all), 0.0);
  for (int64_t first = 0; first < all; first += kDrawsAtOnce) {
    const int64_t D = std::min(kDrawsAtOnce, all - first);
    std::vector<int64_t> draws(run.draws() > 0 ? static_cast<size_t>(D) : 0);
    std::iota(draws.begin(), draws.end(), first);
    const Responses responses = run.responses(draws);
    in_parallel(threads, C, [&](int64_t begin, int64_t end) {
      RegionResponse response(responses);
      std::vector<double> outcome_D(static_cast<size_t>(D)), idle_D(static_cast<size_t>(D));
      for (int64_t c = begin; c < end; ++c) {
        std::fill(idle_D.begin(), idle_D.end(), 0.0);
        for (int64_t r = 0; r < R; ++r) add_idle_outcome(responses, r, c, idle_D.data());
        for (Scenario& scenario : scenarios) {
          std::fill(outcome_D.begin(), outcome_D.end(), 0.0);
          for (int64_t r = 0; r < R; ++r)
            response.outcome(r, c, scenario.spend_RCH.data() + (r * C + c) * H, outcome_D.data());
          for (int64_t d = 0; d < D; ++d) scenario.outcome_CD[c * all + first + d] = outcome_D[d] - idle_D[d];
        }
      }
    });
  }
}

Expected expected(const std::vector<double>& outcome_D, double level) {
  const double mean = std::accumulate(outcome_D.begin(), outcome_D.end(), 0.0) / static_cast<double>(outcome_D.size());
  return {mean, interval_of(outcome_D, level, mean, -HUGE_VAL)};
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
