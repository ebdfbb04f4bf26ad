#include "launch/priors.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"

namespace dcmmm {
namespace {

const std::vector<std::string> kMeans = {"roi", "decay", "exponent", "half_saturation"};

[[noreturn]] void refuse(const std::string& key, const Value& value, const std::string& expected) {
  throw UserError(text("'model.priors.", key, "' is ", show(value), ", but expected ", expected, "."));
}

double number(const std::string& key, const Value& value) {
  const auto* integer = value.as<int64_t>();
  const auto* real = value.as<double>();
  if (integer == nullptr && (real == nullptr || !std::isfinite(*real))) refuse(key, value, "a number");
  return integer != nullptr ? static_cast<double>(*integer) : *real;
}

// The prior `name` of an entry, where it is given.
std::optional<GaussianPrior> prior(const std::string& entry, const Value& given, const std::string& name) {
  const Value *mean = given.child(name), *sd = given.child(name + "_sd");
  const std::string key = text(entry, ".", name);
  if (mean == nullptr && sd == nullptr) return std::nullopt;
  if (mean == nullptr || sd == nullptr)
    throw UserError(text("'model.priors.", entry, "' has ", mean != nullptr ? name : name + "_sd", " without ",
                         mean != nullptr ? name + "_sd" : name, ": a prior is a mean and a standard deviation."));
  const GaussianPrior out{number(key, *mean), number(key + "_sd", *sd)};
  if (out.sd <= 0) refuse(key + "_sd", *sd, "a number above 0");
  return out;
}

}  // namespace

std::map<std::string, OutsideKnowledge> priors_of(const Value& config) {
  std::map<std::string, OutsideKnowledge> out;
  const Value* priors = find_path(config, "model.priors");
  const auto* entries = priors->as<Value::Map>();
  if (entries == nullptr) return out;  // null
  const double min_exponent = get<double>(config, "model.likelihood.min_exponent");
  for (const auto& [name, given] : *entries) {
    const auto* keys = given.as<Value::Map>();
    if (keys == nullptr) refuse(name, given, "a mapping such as {roi: 2, roi_sd: 0.5}");
    std::vector<std::string> known = {"sign"};
    for (const std::string& mean : kMeans) {
      known.push_back(mean);
      known.push_back(mean + "_sd");
    }
    for (const auto& [key, value] : *keys)
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw UserError(text("Unknown key 'model.priors.", name, ".", key, "' (value ", show(value), "). Expected ",
                             join(known), ".", did_you_mean(key, known)));
    OutsideKnowledge& entry = out[name];
    ChannelPrior& channel = entry.channel;
    channel = {prior(name, given, "roi"), prior(name, given, "decay"), prior(name, given, "exponent"),
               prior(name, given, "half_saturation")};
    if (channel.roi && channel.roi->mean < 0) refuse(name + ".roi", *given.child("roi"), "a number of at least 0");
    if (channel.decay && (channel.decay->mean <= 0 || channel.decay->mean >= 1))
      refuse(name + ".decay", *given.child("decay"), "a number above 0 and below 1");
    if (channel.exponent && channel.exponent->mean <= min_exponent)
      refuse(name + ".exponent", *given.child("exponent"),
             text("a number above model.likelihood.min_exponent (", shortest(min_exponent), ")"));
    if (channel.half_saturation && channel.half_saturation->mean <= 0)
      refuse(name + ".half_saturation", *given.child("half_saturation"), "a number above 0");
    if (const Value* sign = given.child("sign")) {
      const auto* word = sign->as<std::string>();
      if (word == nullptr || (*word != "positive" && *word != "negative"))
        refuse(name + ".sign", *sign, "positive or negative");
      entry.control_sign = *word == "positive" ? 1 : -1;
    }
  }
  return out;
}

}  // namespace dcmmm
