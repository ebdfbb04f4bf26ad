#include "planning/plan_files.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "analysis/csv_writer.hpp"
#include "analysis/figures_text.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr double kAtLimit = 1e-6;  // of a range's width

class PlanFiles {
 public:
  PlanFiles(const FittedRun& run, const PlanOptions& options, const BudgetPlan& plan)
      : run_(run), options_(options), plan_(plan), channels_(static_cast<int64_t>(run.channels.size())) {
    for (const Scenario& scenario : plan.scenarios) spend_SC_.push_back(channel_spend(run, scenario.spend_RCH));
  }

  void write(const fs::path& folder) const {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw UserError(text("Can't make the folder '", folder.string(), "': ", failed.message(), "."));
    const auto file = [&](const char* name, const std::function<void(CsvWriter&)>& rows) {
      const fs::path path = folder / name;
      replace_file(path, [&](const fs::path& temporary) {
        CsvWriter csv(temporary, path.string());
        csv.raw(plan_headers().at(name));
        csv.end_row();
        rows(csv);
        csv.finish();
      });
    };
    file("plan.csv", [&](CsvWriter& csv) { variables(csv); });
    file("channels.csv", [&](CsvWriter& csv) { by_channel(csv); });
    file("scenarios.csv", [&](CsvWriter& csv) { scenarios(csv); });
    file("scenario_channels.csv", [&](CsvWriter& csv) { scenario_channels(csv); });
    write_text_file(folder / "plan.json", json().dump(2) + "\n");
  }

  std::string table() const {
    std::vector<std::vector<std::string>> rows = {
        {"channel", "now", "plan", "change", "outcome now", "plan", "marginal now", "plan", ""}};
    for (int64_t c = 0; c < channels_; ++c) {
      const double now = spend_SC_[0][c], then = spend_SC_[1][c];
      rows.push_back({run_.channels[c], grouped(now), grouped(then), now > 0 ? percent(then / now - 1) : "-",
                      grouped(expected(of_channel(today(), c, channels_), level()).mean),
                      grouped(expected(of_channel(planned(), c, channels_), level()).mean),
                      grouped(revenue() * plan_.marginal_now_C[c]), grouped(revenue() * plan_.marginal_plan_C[c]),
                      status(c)});
    }
    std::string out = aligned(rows) + "\n";
    rows = {{"scenario", "spend", "outcome", "gain", text(shortest(100 * level()), " %"), "roi"}};
    for (size_t s = 0; s < plan_.scenarios.size(); ++s) {
      const Expected gain = gain_of(s);
      rows.push_back({plan_.scenarios[s].name, grouped(spend(s)), grouped(outcome_of(s).mean), grouped(gain.mean),
                      std::isfinite(gain.interval.lower)
                          ? text(grouped(gain.interval.lower), " .. ", grouped(gain.interval.upper))
                          : "-",
                      grouped(revenue() * outcome_of(s).mean / spend(s))});
    }
    return out + aligned(rows);
  }

 private:
  double level() const { return options_.interval; }
  double revenue() const { return options_.revenue.value_or(1); }
  const Scenario& today() const { return plan_.scenarios[0]; }
  const Scenario& planned() const { return plan_.scenarios[1]; }
  double spend(size_t scenario) const {
    return std::accumulate(spend_SC_[scenario].begin(), spend_SC_[scenario].end(), 0.0);
  }
  Expected outcome_of(size_t scenario) const {
    return expected(over_channels(plan_.scenarios[scenario], channels_), level());
  }
  Expected gain_of(size_t scenario) const {
    std::vector<double> gain_D = over_channels(plan_.scenarios[scenario], channels_);
    const std::vector<double> now_D = over_channels(today(), channels_);
    for (size_t d = 0; d < gain_D.size(); ++d) gain_D[d] -= now_D[d];
    return expected(gain_D, level(), -HUGE_VAL);
  }

  std::string status(int64_t channel) const {
    switch (plan_.kept_C[channel]) {
      case Kept::kLocked:
        return "locked";
      case Kept::kNoPrice:
        return "no price";
      case Kept::kNotIdentified:
        return "not identified";
      case Kept::kNo:
        break;
    }
    const SumRange& range = plan_.problem.limits.channels[channel];
    const double slack = kAtLimit * std::max(range.upper - range.lower, 1e-12 * range.upper);
    if (spend_SC_[1][channel] <= range.lower + slack) return "at lower";
    return spend_SC_[1][channel] >= range.upper - slack ? "at upper" : "free";
  }

  // Whether some week's media are beyond all that one of the variable's regions has seen.
  bool extrapolates(const Block& block, int64_t week) const {
    for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r) {
      const int64_t cell = r * channels_ + block.channel;
      for (int64_t t = week < 0 ? 0 : week; t < (week < 0 ? run_.horizon : week + 1); ++t)
        if (const int64_t at = cell * run_.horizon + t;
            planned().spend_RCH[at] + run_.free_RCH[at] * run_.unit_RC[cell] > run_.highest_RC[cell] * (1 + 1e-9))
          return true;
    }
    return false;
  }

  static void interval(CsvWriter& csv, const Expected& figure, double factor = 1) {
    csv.number(factor * figure.mean);
    csv.number(factor * figure.interval.lower);
    csv.number(factor * figure.interval.upper);
  }

  void variables(CsvWriter& csv) const {
    const Decisions& decisions = plan_.problem.decisions;
    const bool by_region = options_.level == PlanLevel::kChannelRegion || options_.level == PlanLevel::kAll;
    const bool by_week = options_.level == PlanLevel::kChannelWeek || options_.level == PlanLevel::kAll;
    for (const Block& block : decisions.blocks)
      for (int64_t t = 0; t < block.count; ++t) {
        const int64_t i = block.first + t;
        csv.text(run_.channels[block.channel]);
        by_region ? csv.text(run_.regions[block.first_region]) : csv.empty();
        by_week ? csv.text(run_.weeks[t]) : csv.empty();
        csv.number(decisions.today[i]);
        csv.number(plan_.solved.variables[i]);
        csv.number(decisions.lower[i]);
        csv.number(decisions.upper[i]);
        csv.raw(extrapolates(block, by_week ? t : -1) ? "1" : "0");
        csv.end_row();
      }
  }

  void by_channel(CsvWriter& csv) const {
    for (int64_t c = 0; c < channels_; ++c) {
      const SumRange& range = plan_.problem.limits.channels[c];
      const Expected now = expected(of_channel(today(), c, channels_), level()),
                     then = expected(of_channel(planned(), c, channels_), level());
      csv.text(run_.channels[c]);
      for (const double value : {spend_SC_[0][c], spend_SC_[1][c], range.lower, range.upper}) csv.number(value);
      interval(csv, now);
      interval(csv, then);
      for (const double value :
           {now.mean / spend_SC_[0][c], then.mean / spend_SC_[1][c], plan_.marginal_now_C[c], plan_.marginal_plan_C[c]})
        csv.number(revenue() * value);
      csv.raw(run_.shared.is_identified(static_cast<size_t>(c)) ? "1" : "0");
      csv.raw(status(c));
      csv.end_row();
    }
  }

  void scenarios(CsvWriter& csv) const {
    for (size_t s = 0; s < plan_.scenarios.size(); ++s) {
      csv.text(plan_.scenarios[s].name);
      csv.number(spend(s));
      interval(csv, outcome_of(s));
      interval(csv, gain_of(s));
      interval(csv, outcome_of(s), revenue() / spend(s));
      csv.end_row();
    }
  }

  void scenario_channels(CsvWriter& csv) const {
    for (size_t s = 0; s < plan_.scenarios.size(); ++s)
      for (int64_t c = 0; c < channels_; ++c) {
        csv.text(plan_.scenarios[s].name);
        csv.text(run_.channels[c]);
        csv.number(spend_SC_[s][c]);
        interval(csv, expected(of_channel(plan_.scenarios[s], c, channels_), level()));
        csv.end_row();
      }
  }

  static nlohmann::ordered_json constraint(const SumRange& range, double value) {
    return {{"name", range.name},
            {"value", value},
            {"lower", number_or_null(range.lower)},
            {"upper", number_or_null(range.upper)},
            {"slack", number_or_null(std::min(value - range.lower, range.upper - value))}};
  }

  nlohmann::ordered_json json() const {
    const SumLimitsTree& limits = plan_.problem.limits;
    constexpr const char* kLevels[] = {"channel", "channel_region", "channel_week", "all"};
    nlohmann::ordered_json out;
    out["goal"] = options_.target_roi ? "target_roi" : options_.target_outcome ? "target_outcome" : "budget";
    out["target"] = options_.target_roi       ? *options_.target_roi
                    : options_.target_outcome ? *options_.target_outcome
                                              : plan_.solved.budget;
    out["level"] = kLevels[static_cast<size_t>(options_.level)];
    out["status"] = plan_.keeps_today ? "today" : "solved";
    out["budget"] = plan_.solved.budget;
    out["objective"] = {{"name", options_.robust ? "lower" : "mean"}, {"value", plan_.solved.value}};
    if (options_.robust) out["objective"]["quantile"] = options_.quantile;
    out["price"] = number_or_null(plan_.price);
    out["search"] = plan_.solved.search;
    out["variables"] = plan_.problem.decisions.count();
    out["draws"] = plan_.problem.responses.draws;
    out["reported_draws"] = run_.draws();
    out["starts"] = plan_.solved.starts;
    out["starts_agreeing"] = plan_.solved.agreeing;
    out["currency"] = run_.has_currency;
    out["revenue"] = options_.revenue ? nlohmann::ordered_json(*options_.revenue) : nlohmann::ordered_json();
    out["interval"] = options_.interval;
    out["horizon_weeks"] = run_.horizon;
    out["tail_weeks"] = run_.counted - run_.horizon;
    out["first_week"] = run_.weeks.front();
    out["last_week"] = run_.weeks.back();
    out["now_first_week"] = run_.now_first;
    out["now_last_week"] = run_.now_last;
    out["kept"] = nlohmann::ordered_json::array();
    for (int64_t c = 0; c < channels_; ++c)
      if (plan_.kept_C[c] != Kept::kNo) out["kept"].push_back({{"channel", run_.channels[c]}, {"reason", status(c)}});
    out["constraints"] = nlohmann::ordered_json::array();
    out["constraints"].push_back(constraint(limits.all, spend(1)));
    for (const ChannelGroup& group : limits.groups) {
      double sum = 0;
      for (const int64_t c : group.channels) sum += spend_SC_[1][c];
      out["constraints"].push_back(constraint(group.range, sum));
    }
    for (int64_t c = 0; c < channels_; ++c)
      out["constraints"].push_back(constraint(limits.channels[c], spend_SC_[1][c]));
    return out;
  }

  const FittedRun& run_;
  const PlanOptions& options_;
  const BudgetPlan& plan_;
  int64_t channels_;
  std::vector<std::vector<double>> spend_SC_;
};

}  // namespace

const std::map<std::string, std::string>& plan_headers() {
  static const std::map<std::string, std::string> headers = {
      {"plan.csv", "channel,region,week,spend_now,spend_plan,lower,upper,extrapolates"},
      {"channels.csv",
       "channel,spend_now,spend_plan,lower,upper,outcome_now,outcome_now_lower,outcome_now_upper,outcome_plan,"
       "outcome_plan_lower,outcome_plan_upper,roi_now,roi_plan,marginal_now,marginal_plan,identified,status"},
      {"scenarios.csv",
       "scenario,spend,outcome,outcome_lower,outcome_upper,gain,gain_lower,gain_upper,roi,roi_lower,roi_upper"},
      {"scenario_channels.csv", "scenario,channel,spend,outcome,outcome_lower,outcome_upper"},
      {"plan.json", ""}};
  return headers;
}

void write_plan_files(const fs::path& folder, const FittedRun& run, const PlanOptions& options,
                      const BudgetPlan& plan) {
  PlanFiles(run, options, plan).write(folder);
}

std::string plan_table(const FittedRun& run, const PlanOptions& options, const BudgetPlan& plan) {
  return PlanFiles(run, options, plan).table();
}

}  // namespace dcmmm
