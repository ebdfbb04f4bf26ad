#include "launch/plan_options.hpp"

#include <algorithm>
#include <cmath>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"

namespace dcmmm {
namespace {

const std::vector<std::string> kAmounts = {"lower", "upper", "min", "max"};

[[noreturn]] void refuse(const std::string& key, const Value& value, const std::string& expected) {
  throw UserError(text("'plan.", key, "' is ", show(value), ", but expected ", expected, "."));
}

double amount(const std::string& key, const Value& value) {
  const auto* integer = value.as<int64_t>();
  const auto* real = value.as<double>();
  const double out = integer != nullptr ? static_cast<double>(*integer) : real != nullptr ? *real : NAN;
  if (!std::isfinite(out) || out < 0) refuse(key, value, "a number, 0 or more");
  return out;
}

// The limits in a mapping, beside which it may have `further` keys.
SumLimits sum_limits(const std::string& key, const Value& given, const std::string& example,
                     const std::string& further) {
  const auto* keys = given.as<Value::Map>();
  if (keys == nullptr) refuse(key, given, "a mapping such as " + example);
  std::vector<std::string> known = kAmounts;
  known.push_back(further);
  SumLimits out;
  for (const auto& [name, value] : *keys) {
    if (name == further) continue;
    if (std::find(kAmounts.begin(), kAmounts.end(), name) == kAmounts.end())
      throw UserError(text("Unknown key 'plan.", key, ".", name, "' (value ", show(value), "). Expected ", join(known),
                           ".", did_you_mean(name, known)));
    const double number = amount(text(key, ".", name), value);
    (name == "lower" ? out.lower : name == "upper" ? out.upper : name == "min" ? out.min : out.max) = number;
  }
  return out;
}

const Value::Map& mapping(const Value& config, const std::string& path) {
  static const Value::Map kNone;
  const auto* entries = find_path(config, path)->as<Value::Map>();
  return entries != nullptr ? *entries : kNone;  // null
}

GroupLimits group_limits(const std::string& name, const Value& given) {
  const std::string key = "groups." + name, example = "{channels: [tv, youtube], max: 5000}";
  GroupLimits out;
  out.limits = sum_limits(key, given, example, "channels");
  const Value* channels = given.child("channels");
  const auto* list = channels != nullptr ? channels->as<Value::List>() : nullptr;
  if (list == nullptr || list->empty())
    throw UserError(text("'plan.", key, ".channels' is ", channels != nullptr ? show(*channels) : "missing",
                         ", but expected a list of channels: ", example, "."));
  for (const Value& channel : *list) {
    const auto* word = channel.as<std::string>();
    if (word == nullptr) refuse(key + ".channels", channel, "names of channels");
    out.channels.push_back(*word);
  }
  return out;
}

}  // namespace

PlanOptions plan_options(const Value& config) {
  const auto number = [&](const char* key) { return get<double>(config, key); };
  const auto maybe = [&](const char* key) { return get<std::optional<double>>(config, key); };
  const auto level = get<std::string>(config, "plan.level");
  PlanOptions out;
  out.budget = maybe("plan.budget");
  out.target_roi = maybe("plan.target_roi");
  out.target_outcome = maybe("plan.target_outcome");
  out.horizon_weeks = get<int64_t>(config, "plan.horizon_weeks");
  out.tail_weeks = get<int64_t>(config, "plan.tail_weeks");
  out.level = level == "channel"          ? PlanLevel::kChannel
              : level == "channel_region" ? PlanLevel::kChannelRegion
              : level == "channel_week"   ? PlanLevel::kChannelWeek
                                          : PlanLevel::kAll;
  out.lower = number("plan.lower");
  out.upper = number("plan.upper");
  for (const auto& [name, given] : mapping(config, "plan.channels")) {
    const std::string key = "channels." + name;
    SumLimits limits = sum_limits(key, given, "{lower: 0.8, max: 5000}", "locked");
    if (const Value* locked = given.child("locked")) {
      const auto* is_locked = locked->as<bool>();
      if (is_locked == nullptr) refuse(key + ".locked", *locked, "true or false");
      limits.locked = *is_locked;
    }
    out.channels[name] = limits;
  }
  for (const auto& [name, given] : mapping(config, "plan.groups")) out.groups[name] = group_limits(name, given);
  out.locked = get<std::vector<std::string>>(config, "plan.locked");
  out.cell_lower = number("plan.cell_lower");
  out.cell_upper = number("plan.cell_upper");
  out.smoothness = maybe("plan.smoothness");
  out.robust = get<std::string>(config, "plan.objective") == "lower";
  out.quantile = number("plan.quantile");
  out.draws = get<int64_t>(config, "plan.draws");
  out.starts = get<int64_t>(config, "plan.starts");
  out.include_unidentified = get<bool>(config, "plan.include_unidentified");
  for (const auto& [channel, price] : get<std::optional<NumberMap>>(config, "plan.cost").value_or(NumberMap()))
    out.cost[channel] = price;
  out.revenue = maybe("plan.revenue");
  out.cut = number("plan.cut");
  out.scenarios = get<std::optional<std::filesystem::path>>(config, "plan.scenarios");
  out.interval = number("export.interval");
  out.seed = static_cast<uint64_t>(get<int64_t>(config, "run.seed"));
  if (out.robust && out.draws < 2)
    throw UserError(
        "'plan.draws' is 1, but expected at least 2 for plan.objective=lower: a quantile needs several draws.");
  return out;
}

}  // namespace dcmmm
