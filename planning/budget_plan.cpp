#include "planning/budget_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kRounding = 1e-9;  // of an amount

void check_channel(const std::string& channel, const std::string& key, const FittedRun& run) {
  if (std::find(run.channels.begin(), run.channels.end(), channel) == run.channels.end())
    throw UserError(text(key, " names '", channel, "', which is no channel of the run. Expected one of ",
                         join(run.channels), ".", did_you_mean(channel, run.channels)));
}

void check(const FittedRun& run, const PlanOptions& options) {
  const int goals = (options.budget ? 1 : 0) + (options.target_roi ? 1 : 0) + (options.target_outcome ? 1 : 0);
  if (goals > 1)
    throw UserError(
        "Of plan.budget, plan.target_roi and plan.target_outcome only one can be given: leave the others null.");
  if (options.lower > options.upper)
    throw UserError(text("'plan.lower' is ", shortest(options.lower), ", but expected at most plan.upper (",
                         shortest(options.upper), ")."));
  if (options.cell_lower > options.cell_upper)
    throw UserError(text("'plan.cell_lower' is ", shortest(options.cell_lower),
                         ", but expected at most plan.cell_upper (", shortest(options.cell_upper), ")."));
  const bool by_week = options.level == PlanLevel::kChannelWeek || options.level == PlanLevel::kAll;
  if (options.smoothness && !by_week)
    throw UserError(
        "plan.smoothness limits changes from week to week, but plan.level doesn't decide weeks: use "
        "plan.level=channel_week or all, or leave it null.");
  if (options.robust && run.draws() < 2)
    throw UserError(
        "plan.objective=lower needs an ensemble, and this run has none: train with ensemble.members=16, or "
        "use plan.objective=mean.");
  for (const auto& [channel, limits] : options.channels) check_channel(channel, "plan.channels", run);
  for (const std::string& channel : options.locked) check_channel(channel, "plan.locked", run);
  std::map<std::string, std::string> group_of;
  for (const auto& [name, group] : options.groups)
    for (const std::string& channel : group.channels) {
      check_channel(channel, text("plan.groups.", name), run);
      if (const auto [found, is_new] = group_of.emplace(channel, name); !is_new)
        throw UserError(text("Channel '", channel, "' is in plan.groups.", found->second, " and in plan.groups.", name,
                             ": a channel can be in one group only. Limit it by plan.channels instead."));
    }
}

std::vector<Kept> kept_channels(const FittedRun& run, const PlanOptions& options,
                                const std::function<void(const std::string&)>& say) {
  std::vector<Kept> out;
  std::vector<std::string> unpriced, unidentified;
  for (size_t c = 0; c < run.channels.size(); ++c) {
    const std::string& name = run.channels[c];
    const auto limits = options.channels.find(name);
    const bool locked = std::find(options.locked.begin(), options.locked.end(), name) != options.locked.end() ||
                        (limits != options.channels.end() && limits->second.locked);
    if (run.has_price_C[c] == 0) unpriced.push_back(name);
    if (locked || run.has_price_C[c] == 0) {
      out.push_back(locked ? Kept::kLocked : Kept::kNoPrice);
      continue;
    }
    const bool identified = run.shared.is_identified(c);
    if (!identified) unidentified.push_back(name);
    out.push_back(!identified && !options.include_unidentified ? Kept::kNotIdentified : Kept::kNo);
  }
  if (!unpriced.empty())
    say(text("Kept as today at no cost, since the panel never paid for their media: ", join(unpriced), ". plan.cost={",
             unpriced.front(), ": PRICE}, a price per media unit, lets them take part (docs/planning.md)."));
  if (!unidentified.empty())
    say(options.include_unidentified
            ? text("The plan moves money by effects that aren't identified: ", join(unidentified),
                   ". Their intervals don't say how wrong that may be (docs/planning.md).")
            : text("Kept as today, since their effects aren't identified: ", join(unidentified),
                   ". plan.include_unidentified=true moves them nevertheless (docs/planning.md)."));
  return out;
}

// Why a channel stays, with the key that would change it.
const char* kept_says(Kept kept) {
  switch (kept) {
    case Kept::kNoPrice:
      return "kept as today: no price, see plan.cost";
    case Kept::kNotIdentified:
      return "kept as today: not identified, see plan.include_unidentified";
    default:
      return "locked at today's by plan.locked";
  }
}

// A plan that cuts them may cost more than it says.
void name_channels_that_move_others(const FittedRun& run, const std::vector<Kept>& kept_C,
                                    const std::function<void(const std::string&)>& say) {
  const auto& edges = run.shared.graph.edges;
  std::vector<std::string> moving;
  for (size_t c = 0; c < run.channels.size(); ++c)
    if (kept_C[c] == Kept::kNo && std::any_of(edges.begin(), edges.end(), [c](const GraphEdge& edge) {
          return edge.is_directed() && static_cast<size_t>(edge.source) == c;
        }))
      moving.push_back(run.channels[c]);
  if (!moving.empty())
    say(text(
        "The plan sets every channel's spend itself, so what these bring by moving spend on others doesn't count: ",
        join(moving), ". Where that happens by itself, lock them or raise their lower limit (docs/planning.md)."));
}

SumLimitsTree limits_of(const FittedRun& run, const PlanOptions& options, const std::vector<Kept>& kept_C,
                        const std::vector<double>& today_C) {
  SumLimitsTree out;
  out.all = {"the budget", 0, kInfinity, "", ""};
  const SumLimits general{options.lower, options.upper, {}, {}, false};
  std::vector<uint8_t> is_grouped(run.channels.size(), 0);
  for (size_t c = 0; c < run.channels.size(); ++c) {
    const std::string& name = run.channels[c];
    const auto found = options.channels.find(name);
    SumLimits own = found != options.channels.end() ? found->second : SumLimits();
    own.locked = kept_C[c] != Kept::kNo;
    const std::string key = "plan.channels." + name;
    const bool locked_here = kept_C[c] == Kept::kLocked && found != options.channels.end() && found->second.locked;
    out.channels.push_back(
        sum_range(name, key, own, general, today_C[c],
                  locked_here ? text("locked at today's by ", key, ".locked") : kept_says(kept_C[c])));
  }
  for (const auto& [name, group] : options.groups) {
    ChannelGroup made;
    double today = 0;
    for (const std::string& channel : group.channels) {
      const auto c = std::find(run.channels.begin(), run.channels.end(), channel) - run.channels.begin();
      made.channels.push_back(c);
      is_grouped[c] = 1;
      today += today_C[c];
    }
    made.range = sum_range("group " + name, "plan.groups." + name, group.limits, SumLimits(), today);
    out.groups.push_back(std::move(made));
  }
  for (size_t c = 0; c < run.channels.size(); ++c)
    if (!is_grouped[c]) out.loose.push_back(static_cast<int64_t>(c));
  return out;
}

// What multiples of a region's or week's spend refer to: today's, or of a channel without any its largest amount, by
// the regions' sizes.
std::vector<double> reference_spend(const FittedRun& run, const std::vector<double>& today_C,
                                    const SumLimitsTree& limits) {
  const size_t C = run.channels.size();
  std::vector<double> out(run.unit_RC.size(), 0.0), unit_C(C, 0.0);
  for (size_t i = 0; i < run.today_RCH.size(); ++i) out[i / static_cast<size_t>(run.horizon)] += run.today_RCH[i];
  for (size_t i = 0; i < out.size(); ++i) unit_C[i % C] += run.unit_RC[i];
  for (size_t i = 0; i < out.size(); ++i)
    if (const size_t c = i % C; !(today_C[c] > 0) && unit_C[c] > 0 && std::isfinite(limits.channels[c].upper))
      out[i] = limits.channels[c].upper * run.unit_RC[i] / unit_C[c];
  return out;
}

// What one more unit of each channel's spend brings, spread as its spend is.
std::vector<double> marginals(const FittedRun& run, const Scenario& scenario) {
  std::vector<double> gained_RCH = scenario.slope_RCH;
  for (size_t i = 0; i < gained_RCH.size(); ++i) gained_RCH[i] *= scenario.spend_RCH[i];
  std::vector<double> out = channel_spend(run, gained_RCH);
  const std::vector<double> spend_C = channel_spend(run, scenario.spend_RCH);
  for (size_t c = 0; c < out.size(); ++c) out[c] /= spend_C[c];  // NaN without spend
  return out;
}

// What one more unit of budget brings: the mean over variables that may still move both ways, by their room.
double price_of_budget(const Decisions& decisions, const std::vector<double>& variables, const Scenario& scenario) {
  double sum = 0, weight = 0;
  for (const Block& block : decisions.blocks)
    for (int64_t i = block.first; i < block.first + block.count; ++i) {
      const double room = std::min(variables[i] - decisions.lower[i], decisions.upper[i] - variables[i]);
      if (room <= 1e-6 * (decisions.upper[i] - decisions.lower[i])) continue;
      weight += room;
      for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r) {
        const int64_t cell = (r * decisions.channels + block.channel) * decisions.horizon, week = i - block.first;
        for (int64_t t = block.count > 1 ? week : 0; t < (block.count > 1 ? week + 1 : decisions.horizon); ++t)
          sum += room * decisions.share_RCH[cell + t] * scenario.slope_RCH[cell + t];
      }
    }
  return weight > 0 ? sum / weight : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> spend_of(const FittedRun& run, const Decisions& decisions, const std::vector<double>& variables) {
  std::vector<double> out(run.today_RCH.size(), 0.0);
  for (const Block& block : decisions.blocks)
    for (int64_t r = block.first_region; r < block.first_region + block.regions; ++r)
      decisions.spread(block, variables.data() + block.first, r,
                       out.data() + (r * decisions.channels + block.channel) * run.horizon);
  return out;
}

// The objective by all of the run's draws, as the files have it.
double reported_value(const FittedRun& run, const PlanOptions& options, const Scenario& scenario) {
  const std::vector<double> outcome_D = over_channels(scenario, static_cast<int64_t>(run.channels.size()));
  const Expected outcome = expected(outcome_D, 1 - 2 * options.quantile, -HUGE_VAL);
  return options.robust ? outcome.interval.lower : outcome.mean;
}

// Whether today's spend keeps every limit and does at least what the plan does for the goal, by all draws.
bool is_today_better(const PlanProblem& problem, const PlanGoal& goal, double today, double today_value,
                     const SolvedPlan& plan) {
  const std::vector<double>& spend = problem.decisions.today;
  const double budget = std::accumulate(spend.begin(), spend.end(), 0.0), slack = kRounding * budget;
  const std::vector<double> kept = problem.repaired(spend, budget);
  for (size_t i = 0; i < spend.size(); ++i)
    if (std::abs(kept[i] - spend[i]) > slack) return false;
  if (goal.is_target() && goal.excess(today, today_value) < 0) return false;
  if (goal.target_outcome) return today < plan.budget - slack;
  return (goal.target_roi || std::abs(plan.budget - today) <= slack) &&
         today_value >= plan.value - kRounding * std::abs(plan.value);
}

}  // namespace

BudgetPlan plan_budget(const FittedRun& run, const PlanOptions& options,
                       const std::function<void(const std::string&)>& say) {
  check(run, options);
  const std::vector<double> today_C = channel_spend(run, run.today_RCH);
  const double today = std::accumulate(today_C.begin(), today_C.end(), 0.0);
  BudgetPlan out;
  out.kept_C = kept_channels(run, options, say);
  if (!(today > 0) && !options.budget)
    throw UserError(text("There was no spend from ", run.now_first, " to ", run.now_last,
                         ": give plan.budget and the channels' limits (plan.channels.NAME.max), or the prices of media "
                         "that were free (plan.cost)."));
  std::vector<Scenario> own;
  if (options.scenarios) own = read_scenarios(*options.scenarios, run);
  name_channels_that_move_others(run, out.kept_C, say);
  std::vector<uint8_t> is_kept_C;
  for (const Kept kept : out.kept_C) is_kept_C.push_back(kept == Kept::kNo ? 0 : 1);
  SumLimitsTree limits = limits_of(run, options, out.kept_C, today_C);
  const auto regions = static_cast<int64_t>(run.regions.size());
  Decisions decisions = make_decisions(options, run.today_RCH, reference_spend(run, today_C, limits), is_kept_C,
                                       run.channels, regions, run.horizon);
  const std::vector<int64_t> draws = spaced_draws(run.draws(), options.draws);
  // As an interval of few draws is made (analysis/intervals.hpp).
  const auto D = static_cast<double>(draws.size());
  const double spread =
      options.robust ? -student_quantile(options.quantile, static_cast<int>(draws.size()) - 1) * std::sqrt(1 + 1 / D)
                     : 0;
  out.problem = make_problem(run.responses(draws), std::move(decisions), std::move(limits), spread, options.threads);
  const PlanObjective objective(out.problem);
  const PlanGoal goal{options.budget.value_or(today), options.target_roi, options.target_outcome,
                      options.revenue.value_or(1), options.budget ? "plan.budget=" : "Today's spend of "};
  out.solved = solve_plan(out.problem, objective, goal, {options.starts, options.seed});
  if (goal.is_target()) {
    out.solved = meet_target(out.problem, objective, goal, std::move(out.solved), [&](const auto& variables) {
      std::vector<Scenario> tried = {{"", spend_of(run, out.problem.decisions, variables), {}, {}}};
      add_outcomes(run, tried, /*with_slopes=*/0, options.threads);
      return reported_value(run, options, tried[0]);
    });
  }
  out.problem.responses.base_RCDT = {};  // makes room for those of the outcomes

  out.scenarios.push_back({"today", run.today_RCH, {}, {}});
  out.scenarios.push_back({"plan", spend_of(run, out.problem.decisions, out.solved.variables), {}, {}});
  out.scenarios.push_back({"cut", scaled_today(run, std::vector<double>(today_C.size(), 1 - options.cut)), {}, {}});
  for (Scenario& scenario : own) out.scenarios.push_back(std::move(scenario));
  add_outcomes(run, out.scenarios, /*with_slopes=*/2, options.threads);
  out.solved.value = reported_value(run, options, out.scenarios[1]);
  const double today_value = reported_value(run, options, out.scenarios[0]);
  out.keeps_today = is_today_better(out.problem, goal, today, today_value, out.solved);
  if (out.keeps_today) {
    say("By all draws nothing that the search found is better than today's spend: the plan keeps it.");
    out.solved.variables = out.problem.decisions.today;
    out.solved.budget = today, out.solved.value = today_value;
    out.scenarios[1] = out.scenarios[0];
    out.scenarios[1].name = "plan";
  }
  out.marginal_now_C = marginals(run, out.scenarios[0]);
  out.marginal_plan_C = marginals(run, out.scenarios[1]);
  out.price = price_of_budget(out.problem.decisions, out.solved.variables, out.scenarios[1]);
  return out;
}

}  // namespace dcmmm
