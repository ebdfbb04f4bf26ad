#include "planning/limits.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <numeric>
#include <sstream>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kSlack = 1e-9;  // of a sum: rounding isn't a clash

bool is_above(double lower, double upper) { return lower > upper + kSlack * std::max(1.0, std::abs(upper)); }

std::string with_decimals(double value, int more) {
  std::ostringstream out;
  out << std::fixed << std::setprecision((std::abs(value) >= 1000 ? 0 : 2) + more) << value;
  return out.str();
}

// Two amounts that differ, with as many digits as show it.
std::pair<std::string, std::string> told_apart(double one, double other) {
  constexpr int kMostDecimals = 12;
  int more = 0;
  while (more < kMostDecimals && with_decimals(one, more) == with_decimals(other, more)) ++more;
  return {with_decimals(one, more), with_decimals(other, more)};
}

// "tv at least 120 (plan.channels.tv.min=120)" of each range that says something.
std::string list(const std::vector<const SumRange*>& ranges, bool lower) {
  std::vector<std::string> parts;
  for (const SumRange* range : ranges) {
    const double value = lower ? range->lower : range->upper;
    if (lower && value <= 0) continue;
    parts.push_back(text(range->name, " ", amount(value), " (", lower ? range->lower_says : range->upper_says, ")"));
  }
  return join(parts);
}

// Narrows a range to what its parts can reach.
void tighten_to(SumRange& range, const std::vector<const SumRange*>& parts) {
  double least = 0, most = 0;
  for (const SumRange* part : parts) {
    least += part->lower;
    most += part->upper;
  }
  if (is_above(least, range.upper)) {
    const auto [allowed, asked] = told_apart(range.upper, least);
    throw UserError(text("These limits clash: ", range.name, " may be at most ", allowed, " (", range.upper_says,
                         "), but its parts are at least ", asked, " together: ", list(parts, true),
                         ". Raise the first or lower one of the others."));
  }
  if (is_above(range.lower, most)) {
    const auto [asked, allowed] = told_apart(range.lower, most);
    throw UserError(text("These limits clash: ", range.name, " must be at least ", asked, " (", range.lower_says,
                         "), but its parts are at most ", allowed, " together: ", list(parts, false),
                         ". Lower the first or raise one of the others."));
  }
  // Sums of a locked channel's parts differ from its own by rounding: that is no other limit, and gets no other words.
  if (is_above(least, range.lower)) range.lower_says = "the sum of " + list(parts, true);
  if (is_above(range.upper, most)) range.upper_says = "the sum of " + list(parts, false);
  range.lower = std::max(range.lower, least);
  range.upper = std::min(range.upper, most);
  range.lower = std::min(range.lower, range.upper);
}

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

std::string amount(double value) { return with_decimals(value, 0); }

SumRange sum_range(const std::string& name, const std::string& key, const SumLimits& limits, const SumLimits& general,
                   double today, const std::string& kept_says) {
  SumRange out{name, 0, std::numeric_limits<double>::infinity(), "", ""};
  const auto raise = [&](double value, const std::string& says) {
    if (value > out.lower || out.lower_says.empty()) out.lower = value, out.lower_says = says;
  };
  const auto cap = [&](double value, const std::string& says) {
    if (value < out.upper) out.upper = value, out.upper_says = says;
  };
  const auto multiple = [&](const std::string& of, double value) {
    return text(of, "=", shortest(value), " x today's ", amount(today));
  };
  const auto refuse_clash = [&](double lower, const std::string& lower_says, double upper,
                                const std::string& upper_says) {
    if (!is_above(lower, upper)) return;
    const auto [least, most] = told_apart(lower, upper);
    throw UserError(text("These limits clash: ", name, " must be at least ", least, " (", lower_says, ") and at most ",
                         most, " (", upper_says, "). Change one of them."));
  };
  // What is said of all channels gives way to a lock; what is said of this one doesn't.
  if (limits.lower) {
    raise(*limits.lower * today, multiple(key + ".lower", *limits.lower));
  } else if (general.lower && !limits.min && !limits.locked) {
    raise(*general.lower * today, multiple("plan.lower", *general.lower));
  }
  if (limits.min) raise(*limits.min, text(key, ".min=", amount(*limits.min)));
  if (limits.upper) {
    cap(*limits.upper * today, multiple(key + ".upper", *limits.upper));
  } else if (general.upper && !limits.max && !limits.locked) {
    cap(*general.upper * today, multiple("plan.upper", *general.upper));
  }
  if (limits.max) cap(*limits.max, text(key, ".max=", amount(*limits.max)));
  if (limits.locked) {
    refuse_clash(out.lower, out.lower_says, today, kept_says);
    refuse_clash(today, kept_says, out.upper, out.upper_says);
    return {name, today, today, kept_says, kept_says};
  }
  refuse_clash(out.lower, out.lower_says, out.upper, out.upper_says);
  return out;
}

void SumLimitsTree::tighten(const std::vector<SumRange>& cells) {
  for (size_t c = 0; c < channels.size(); ++c) tighten_to(channels[c], {&cells[c]});
  std::vector<const SumRange*> top;
  for (ChannelGroup& group : groups) {
    std::vector<const SumRange*> parts;
    for (const int64_t c : group.channels) parts.push_back(&channels[c]);
    tighten_to(group.range, parts);
    top.push_back(&group.range);
  }
  for (const int64_t c : loose) top.push_back(&channels[c]);
  tighten_to(all, top);
}

void SumLimitsTree::check_budget(double budget, const std::string& says) const {
  if (is_above(all.lower, budget)) {
    const auto [given, least] = told_apart(budget, all.lower);
    throw UserError(text(says, given, " is below what the limits ask for, ", least, ": ", all.lower_says,
                         ". Raise the budget (plan.budget) or lower one of these."));
  }
  if (is_above(budget, all.upper)) {
    const auto [given, most] = told_apart(budget, all.upper);
    throw UserError(text(says, given, " is above what the limits allow, ", most, ": ", all.upper_says,
                         ". Lower the budget (plan.budget) or raise one of these."));
  }
}

void move_to_total(std::vector<double>& values, const std::vector<double>& lower, const std::vector<double>& upper,
                   double total) {
  const double now = sum(values);
  const std::vector<double>& end = total > now ? upper : lower;
  const double room = sum(end) - now;
  if (total == now || room == 0) return;
  const double share = std::clamp((total - now) / room, 0.0, 1.0);
  for (size_t i = 0; i < values.size(); ++i) values[i] += share * (end[i] - values[i]);
  // What rounding left, to the value with the most room for it.
  const double rest = total - sum(values);
  size_t widest = 0;
  const auto room_of = [&](size_t i) { return rest > 0 ? upper[i] - values[i] : values[i] - lower[i]; };
  for (size_t i = 1; i < values.size(); ++i)
    if (room_of(i) > room_of(widest)) widest = i;
  if (!values.empty()) values[widest] = std::clamp(values[widest] + rest, lower[widest], upper[widest]);
}

std::vector<double> SumLimitsTree::feasible_totals(std::vector<double> wanted, double budget) const {
  for (size_t c = 0; c < wanted.size(); ++c) wanted[c] = std::clamp(wanted[c], channels[c].lower, channels[c].upper);
  const auto move_group = [&](const ChannelGroup& group, double total) {
    std::vector<double> values, lower, upper;
    for (const int64_t c : group.channels) {
      values.push_back(wanted[c]);
      lower.push_back(channels[c].lower);
      upper.push_back(channels[c].upper);
    }
    move_to_total(values, lower, upper, total);
    for (size_t i = 0; i < values.size(); ++i) wanted[group.channels[i]] = values[i];
  };
  std::vector<double> totals, lower, upper;
  for (const ChannelGroup& group : groups) {
    double now = 0;
    for (const int64_t c : group.channels) now += wanted[c];
    totals.push_back(std::clamp(now, group.range.lower, group.range.upper));
    lower.push_back(group.range.lower);
    upper.push_back(group.range.upper);
  }
  for (const int64_t c : loose) {
    totals.push_back(wanted[c]);
    lower.push_back(channels[c].lower);
    upper.push_back(channels[c].upper);
  }
  move_to_total(totals, lower, upper, budget);
  for (size_t g = 0; g < groups.size(); ++g) move_group(groups[g], totals[g]);
  for (size_t i = 0; i < loose.size(); ++i) wanted[loose[i]] = totals[groups.size() + i];
  return wanted;
}

}  // namespace dcmmm
