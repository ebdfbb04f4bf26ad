#include "report/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "analysis/figures_text.hpp"
#include "common/counted.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSameBudget = 0.03;  // a plan's budget and today's that differ by less are about the same

double number(const Json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

// A channel's figures, from channel_summary.csv and saturation.csv.
struct Channel {
  std::string name;
  bool is_identified = true;
  double spend = 0, contribution = 0, lower = 0, upper = 0, share = 0, marginal_roi = 0, headroom = 0,
         headroom_lower = 0, headroom_upper = 0;
};

std::string label_at(const Json& column, std::size_t row) {
  return column["labels"][column["codes"][row].get<std::size_t>()].get<std::string>();
}

std::vector<Channel> channels_of(const Json& tables) {
  const Json &summary = tables["channel_summary.csv"]["values"], &curves = tables["saturation.csv"]["values"];
  std::vector<Channel> out;
  for (std::size_t c = 0; c < summary["spend"].size(); ++c) {
    const auto value = [&](const char* column) { return number(summary[column][c]); };
    out.push_back({label_at(summary["channel"], c), label_at(summary["identified"], c) == "yes", value("spend"),
                   value("contribution"), value("contribution_lower"), value("contribution_upper"), value("share"),
                   value("marginal_roi"), number(curves["headroom"][c]), number(curves["headroom_lower"][c]),
                   number(curves["headroom_upper"][c])});
  }
  return out;
}

class Summary {
 public:
  explicit Summary(const Json& data) : data_(data), metrics_(data["metrics"]), channels_(channels_of(data["tables"])) {}

  Json sentences() {
    what_was_fitted();
    how_well_it_forecasts();
    what_media_bring();
    what_is_not_identified();
    where_there_is_room();
    how_channels_move_each_other();
    what_the_plan_gains();
    fact(
        "These are effects under the model's assumptions, not proofs: what moves with demand, or with another channel, "
        "can look like an effect. An experiment (data.experiments) is the way to be sure.");
    return out_;
  }

 private:
  void fact(const std::string& sentence) { out_.push_back({{"text", sentence}, {"kind", "fact"}}); }
  void warning(const std::string& sentence) { out_.push_back({{"text", sentence}, {"kind", "warning"}}); }

  void what_was_fitted() {
    const Json &run = data_["run"], &weeks = run["weeks"];
    const Json& split = data_["tables"]["totals.csv"]["values"]["split"];
    std::size_t held_out = 0;
    for (std::size_t week = 0; week < weeks.size(); ++week) held_out += label_at(split, week) == "holdout" ? 1 : 0;
    const std::string held =
        held_out == 0 ? "" : text(" The last ", held_out, held_out == 1 ? " was" : " were", " held out.");
    fact(text("The model explains ", run["target"].get<std::string>(), " in ",
              counted(run["regions"].get<int64_t>(), "regions"), " over ",
              counted(static_cast<int64_t>(weeks.size()), run["step"].get<std::string>()), " (",
              weeks.front().get<std::string>(), " to ", weeks.back().get<std::string>(), ") by ",
              counted(static_cast<int64_t>(channels_.size()), "channels"), " and ", run["controls"].size(),
              run["controls"].size() == 1 ? " control or event" : " controls and events", ".", held));
  }

  void how_well_it_forecasts() {
    if (!metrics_.is_object() || !std::isfinite(number(metrics_["skill"]))) {
      warning(
          "No weeks were held out, or no target is known in those that were: nothing says how the model does on weeks "
          "that it has not seen.");
      return;
    }
    const double skill = number(metrics_["skill"]);
    std::string best;
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [name, figures] : metrics_["naive"].items()) {
      const double rmse = number(figures["rmse"]);
      if (rmse < least) least = rmse, best = name;
    }
    const Json& holdout = metrics_["holdout"];
    const std::string error =
        text("On held-out weeks the errors add up to ", percent(number(holdout["wape"])),
             " of the target; their RMSE is ", percent(number(holdout["relative_error"])), " of its mean, ");
    if (skill > 1)
      fact(text(error, fixed(100 * (1 - 1 / skill), 1), " % less than that of the best simple forecast, ", best, "."));
    else
      warning(text(error, fixed(100 * (1 / skill - 1), 1), " % MORE than that of the simple forecast ", best,
                   ": the model doesn't forecast better than a rule of thumb."));
  }

  void what_media_bring() {
    double share = 0;
    for (const Channel& channel : channels_) share += channel.share;
    std::string sentence = text("Media account for ", percent(share),
                                " of the predicted total; the rest is baseline, "
                                "season and controls.");
    const Channel* largest = largest_identified();
    if (largest != nullptr) {
      sentence += text(" Of the channels whose effect is identified, ", largest->name,
                       " brings most: ", percent(largest->share));
      const double predicted = largest->contribution / largest->share;
      if (std::isfinite(largest->lower))
        sentence += text(" (", shortest(100 * data_["run"]["interval"].get<double>()), " % interval ",
                         percent(largest->lower / predicted), " to ", percent(largest->upper / predicted), ")");
      sentence += ".";
    }
    fact(sentence);
    if (std::none_of(channels_.begin(), channels_.end(), [](const Channel& c) { return std::isfinite(c.lower); }))
      warning("There are no intervals: the run has one ensemble member. Train with ensemble.members=16 to get them.");
  }

  void what_is_not_identified() {
    std::vector<std::string> names;
    double share = 0, most = 0;
    for (const Channel& channel : channels_) {
      if (channel.is_identified) continue;
      names.push_back(channel.name);
      share += channel.share;
      most = std::max(most, channel.upper / (channel.contribution / channel.share));
    }
    if (names.empty()) return;
    std::string sentence =
        text("Not identified: ", join(names), ". ", names.size() == 1 ? "Its" : "Their", " estimated ", percent(share),
             " of the total may as well be demand that the spend "
             "followed");
    if (std::isfinite(most) && most > 0)
      sentence += text(" (anything from 0 % to ", percent(most), names.size() == 1 ? "" : " for one of them", ")");
    warning(sentence + ". Don't move budget by these figures without an experiment.");
  }

  void where_there_is_room() {
    const Channel *most = nullptr, *least = nullptr;
    for (const Channel& channel : channels_) {
      // Below a thousandth of the total the curve's height is noise.
      if (!channel.is_identified || channel.share < 1e-3 || !std::isfinite(channel.headroom)) continue;
      if (most == nullptr || channel.headroom > most->headroom) most = &channel;
      if (least == nullptr || channel.headroom < least->headroom) least = &channel;
    }
    if (most == nullptr) return;
    const auto interval = [](const Channel& channel) {
      return std::isfinite(channel.headroom_lower)
                 ? text(", interval ", percent(channel.headroom_lower), " to ", percent(channel.headroom_upper))
                 : std::string();
    };
    if (most == least)
      fact(text(most->name, " has ", percent(most->headroom), " of its curve's height left", interval(*most), "."));
    else
      fact(text("Nearest to saturation is ", least->name, " (", percent(least->headroom), " of its curve's height left",
                interval(*least), "), most headroom has ", most->name, " (", percent(most->headroom), interval(*most),
                ")."));
  }

  void how_channels_move_each_other() {
    const Json& edges = data_["tables"]["dag.csv"];
    const auto count = edges["rows"].get<std::size_t>();
    if (count == 0) return;
    // Two channels may be linked within a week and a week later.
    std::set<std::set<std::string>> pairs, directed_pairs;
    for (std::size_t s = 0; s < count; ++s) {
      const std::set<std::string> pair = {label_at(edges["values"]["source"], s),
                                          label_at(edges["values"]["target"], s)};
      pairs.insert(pair);
      if (label_at(edges["values"]["directed"], s) == "yes") directed_pairs.insert(pair);
    }
    const std::size_t directed = directed_pairs.size();
    fact(text("Spend moves together on ", pairs.size(), pairs.size() == 1 ? " pair" : " pairs", " of channels; ",
              directed == 0 ? "none of them has a direction, so no effect passes from one to the other."
                            : text(directed,
                                   " of them with a direction, through which a channel also acts "
                                   "indirectly.")));
  }

  void what_the_plan_gains() {
    if (!data_.contains("plan") || !data_["plan"].is_object() || !data_["plan"]["tables"].contains("scenarios.csv"))
      return;
    const Json& values = data_["plan"]["tables"]["scenarios.csv"]["values"];
    double today = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t row = 0; row < values["gain"].size(); ++row) {
      const double spend = number(values["spend"][row]);
      if (label_at(values["scenario"], row) == "today") today = spend;
      if (label_at(values["scenario"], row) == "plan")
        what_a_plan_gains(spend, today, number(values["gain"][row]), number(values["gain_lower"][row]),
                          number(values["gain_upper"][row]));
    }
  }

  void what_a_plan_gains(double spend, double today, double gain, double lower, double upper) {
    const auto target = data_["run"]["target"].get<std::string>();
    const bool loses = gain < 0;
    std::string sentence = text("The budget plan spends ", grouped(spend),
                                data_.value(Json::json_pointer("/plan/facts/currency"), true) ? "" : " media units",
                                " and ", loses ? "LOSES " : "gains ", grouped(std::abs(gain)), " ", target,
                                loses ? " against" : " over", " today's spend");
    if (std::isfinite(lower))
      sentence += loses ? text(" (", grouped(0 - upper), " to ", grouped(0 - lower), ")")
                        : text(" (", grouped(lower), " to ", grouped(upper), ")");
    if (loses && std::isfinite(upper))
      sentence += upper < 0 ? ": its whole interval is a loss." : ": its interval holds gains, too.";
    else if (lower < 0)
      sentence += ": its interval holds losses, too.";
    else
      sentence += ".";
    // Of another budget, a part of the difference is the money's.
    if (today > 0 && std::abs(spend / today - 1) > kSameBudget)
      sentence += text(" It spends ", percent(std::abs(spend / today - 1)), spend > today ? " more" : " less",
                       " than today, from which this follows, too.");
    if (loses || lower < 0)
      warning(sentence);
    else
      fact(sentence);
  }

  const Channel* largest_identified() const {
    const Channel* largest = nullptr;
    for (const Channel& channel : channels_)
      if (channel.is_identified && channel.contribution > 0 &&
          (largest == nullptr || channel.contribution > largest->contribution))
        largest = &channel;
    return largest;
  }

  const Json& data_;
  const Json& metrics_;
  std::vector<Channel> channels_;
  Json out_ = Json::array();
};

}  // namespace

Json summary_of(const Json& data) { return Summary(data).sentences(); }

}  // namespace dcmmm
