// The options of a made-up panel: checked, and what they make of names and axes.
// Shapes: see data/synthetic.cpp.
#include "data/synthetic_options.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/events.hpp"
#include "data/synthetic_calendar.hpp"
#include "data/time_axis.hpp"
#include "data/weekdays.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kFirstDay = 19359;  // 2023-01-02, a Monday, in days since 1970-01-01
constexpr std::array<std::pair<const char*, SyntheticKind>, 6> kKinds = {{{"clean", SyntheticKind::kClean},
                                                                          {"season", SyntheticKind::kSeason},
                                                                          {"collinear", SyntheticKind::kCollinear},
                                                                          {"ragged", SyntheticKind::kRagged},
                                                                          {"heavy_tailed", SyntheticKind::kHeavyTailed},
                                                                          {"drifting", SyntheticKind::kDrifting}}};

constexpr std::array<std::pair<const char*, SyntheticNoise>, 3> kNoises = {{{"gaussian", SyntheticNoise::kGaussian},
                                                                            {"laplace", SyntheticNoise::kLaplace},
                                                                            {"student", SyntheticNoise::kStudent}}};

void check(const SyntheticOptions& options) {
  const auto require = [](bool holds, const std::string& key, double value, const std::string& expected) {
    if (!holds) throw UserError(text("synth.", key, "=", shortest(value), ": expected ", expected, "."));
  };
  const auto as_double = [](int64_t value) { return static_cast<double>(value); };
  if (options.step == TimeStep::kMonth) throw UserError("synth.step=month: expected week or day.");
  require(options.regions >= 1, "regions", as_double(options.regions), "at least 1");
  require(options.weeks >= 2, "weeks", as_double(options.weeks), "at least 2");
  require(options.channels >= 1, "channels", as_double(options.channels), "at least 1");
  require(options.controls >= 0, "controls", as_double(options.controls), "0 or more");
  require(options.promotions >= 0 && options.promotions <= 99, "promotions", as_double(options.promotions), "0 to 99");
  require(options.missing_rows >= 0 && options.missing_rows <= 0.25, "missing_rows", options.missing_rows, "0 to 0.25");
  require(options.noise >= 0 && options.noise < 1, "noise", options.noise, "0 or more, and less than 1");
  require(options.media_share > 0 && options.media_share < 1, "media_share", options.media_share,
          "more than 0 and less than 1");
  require(options.exponent_low > 0, "exponent_low", options.exponent_low, "more than 0");
  require(options.exponent_high >= options.exponent_low, "exponent_high", options.exponent_high,
          "at least synth.exponent_low");
  require(options.demand_following >= 0 && options.demand_following < 1, "demand_following", options.demand_following,
          "0 or more, and less than 1");
  require(options.demand_following == 0 || options.channels >= 2, "channels", as_double(options.channels),
          "at least 2, since the first one follows demand and has no effect");
  const int64_t pairs = options.channels * (options.channels - 1) / 2;
  require(options.graph_edges >= 0 && options.graph_edges <= pairs, "graph_edges", as_double(options.graph_edges),
          text("0 to ", pairs, ", the pairs of synth.channels=", options.channels));
  require(options.graph_edges == 0 || options.demand_following == 0, "graph_edges", as_double(options.graph_edges),
          "0 where synth.demand_following is above 0");
  require(options.graph_edges == 0 || options.kind != SyntheticKind::kCollinear, "graph_edges",
          as_double(options.graph_edges), "0 where synth.kind=collinear links the channels");
  require(options.graph_lagged >= 0 && options.graph_lagged <= 1, "graph_lagged", options.graph_lagged, "0 to 1");
  require(options.seasonality >= 0, "seasonality", options.seasonality, "0 or more");
  require(options.region_drift >= 0, "region_drift", options.region_drift, "0 or more");
  require(options.national_drift >= 0, "national_drift", options.national_drift, "0 or more");
}

// "channel_01", padded so that the alphabetic order is the numeric one.
std::vector<std::string> numbered(const std::string& stem, int64_t count, int width) {
  std::vector<std::string> names;
  for (int64_t i = 1; i <= count; ++i) {
    std::ostringstream name;
    name << stem << std::setw(width) << std::setfill('0') << i;
    names.push_back(name.str());
  }
  return names;
}

}  // namespace

// Without weekdays and promotions.
PanelCoordinates plain_coordinates(const SyntheticOptions& options) {
  check(options);
  PanelCoordinates coordinates;
  coordinates.regions = numbered("region_", options.regions, 6);
  const int64_t days = options.step == TimeStep::kDay ? 1 : 7;
  for (int64_t t = 0; t < options.weeks; ++t) coordinates.weeks.push_back(iso_date(kFirstDay + days * t));
  coordinates.channels = numbered("channel_", options.channels, 2);
  coordinates.controls = numbered("factor_", options.controls, 2);
  for (const auto& name : coordinates.channels) coordinates.channel_columns.push_back("media_" + name);
  for (const auto& name : coordinates.controls) coordinates.control_columns.push_back("control_" + name);
  coordinates.region_column = "region";
  coordinates.time_column = options.step == TimeStep::kDay ? "date" : "week";
  coordinates.step = options.step;
  coordinates.target_column = "target";
  coordinates.has_spend = options.has_spend;
  coordinates.source = "synthetic";
  return coordinates;
}

// What an import of the panel would add.
void add_calendar_columns(const SyntheticCalendar& calendar, Panel& panel) {
  EventTable events = calendar.events;
  if (panel.coordinates.step == TimeStep::kDay) append_weekdays(panel.coordinates.weeks, events);
  if (!events.events.empty()) add_events(panel, events);
}

SyntheticKind synthetic_kind(const std::string& name) {
  for (const auto& [text, kind] : kKinds) {
    if (name == text) return kind;
  }
  throw UserError(text("synth.kind=", name, ": expected clean, season, collinear, ragged, heavy_tailed or drifting."));
}

std::string synthetic_kind_name(SyntheticKind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) { return entry.second == kind; })->first;
}

SyntheticNoise synthetic_noise(const std::string& name) {
  for (const auto& [text, noise] : kNoises)
    if (name == text) return noise;
  throw UserError(text("synth.graph_noise=", name, ": expected gaussian, laplace or student."));
}

std::string synthetic_noise_name(SyntheticNoise noise) {
  return std::find_if(kNoises.begin(), kNoises.end(), [&](const auto& entry) { return entry.second == noise; })->first;
}

PanelCoordinates synthetic_coordinates(const SyntheticOptions& options) {
  Panel empty;
  empty.coordinates = plain_coordinates(options);
  add_calendar_columns(draw_calendar(options, empty.coordinates.weeks), empty);
  return empty.coordinates;
}

}  // namespace dcmmm
