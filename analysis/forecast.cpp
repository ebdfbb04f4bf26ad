#include "analysis/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "analysis/csv_writer.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/time_axis.hpp"
#include "data/weekdays.hpp"
#include "model/missing_media.hpp"
#include "trainer/fit_checkpoint.hpp"

// R regions of the panel, H future weeks, C channels, K controls.
namespace dcmmm {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> lines_of(const std::string& joined) {
  std::vector<std::string> lines;
  std::istringstream in(joined);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The training run's columns, where the user's config leaves them to be guessed: the same ones must be found again.
void use_columns_of(const Checkpoint& checkpoint, ImportOptions& future) {
  const auto note = [&](const char* key) { return checkpoint.notes.at(key); };
  future.given.region = note("region_column");
  future.given.time = note("time_column");
  future.given.target.reset();
  future.given.population = "";
  future.given.spend.clear();
  future.given.cost.clear();
  future.given.media = lines_of(note("channel_columns"));
  std::vector<std::string> controls = lines_of(note("control_columns")), events;
  const auto first = std::stable_partition(controls.begin(), controls.end(), std::not_fn(is_event));
  events.assign(first, controls.end());
  controls.erase(first, controls.end());
  future.given.controls = controls;
  if (events.empty()) {
    future.events.reset();
  } else {
    future.event_names = events;
  }
  future.weekdays = std::any_of(events.begin(), events.end(), is_weekday);
  future.step = static_cast<TimeStep>(std::stoi(note("time_step")));
  future.needs_target = false;
  future.unknown_control = std::numeric_limits<double>::quiet_NaN();
}

// Where each region of the future table lies in the panel.
std::vector<int64_t> places_in(const std::vector<std::string>& known, const Panel& future, const std::string& file) {
  std::map<std::string, int64_t> place;
  for (size_t i = 0; i < known.size(); ++i) place[known[i]] = static_cast<int64_t>(i);
  std::vector<int64_t> places;
  for (const std::string& region : future.coordinates.regions) {
    const auto found = place.find(region);
    if (found == place.end())
      throw UserError(text(file, ": region '", region, "' isn't one of the ",
                           counted(static_cast<int64_t>(known.size()), "regions"), " that the run was trained on.",
                           did_you_mean(region, known)));
    places.push_back(found->second);
  }
  return places;
}

// Every week must be the one after the one before, the first one that after the panel's last.
void check_weeks(std::vector<std::string> known, const std::vector<std::string>& future, TimeStep step,
                 const std::string& file) {
  const std::string last = known.back();
  for (const std::string& week : future) {
    const std::string expected = next_label(known, step);
    if (week == expected) {
      known.push_back(week);
      continue;
    }
    if (known.back() == last)
      throw UserError(text(file, ": the first week is ", week, ", but the panel ends with ", last,
                           ": expected the forecast's first week to be ", expected, "."));
    throw UserError(text(file, ": ", week, " comes after ", known.back(), ", but the panel's steps are ",
                         steps_name(step), ": expected ", expected, "."));
  }
}

// A region's future media [H, C], with weeks without a row filled in from the weeks before, the panel's last included.
at::Tensor continued_media(const Forecaster& forecaster, int64_t place, const Panel& table, int64_t region) {
  const int64_t H = table.weeks(), C = table.channels();
  const at::Tensor given =
      at::from_blob(const_cast<double*>(table.media_RTC.data()) + region * H * C, {H, C}, at::kDouble);
  at::Tensor series = at::cat({forecaster.recent_media_RWC[place], given}).contiguous();
  std::vector<uint8_t> known(static_cast<size_t>(series.size(0)), 1);
  std::copy_n(table.observed_RT.begin() + region * H, H, known.end() - H);
  fill_missing_weeks({series.data_ptr<double>(), static_cast<size_t>(series.numel())}, known, C);
  return series.narrow(0, series.size(0) - H, H);
}

}  // namespace

std::string forecast_csv(const fs::path& checkpoints, const ModelOptions& model, ImportOptions future, double interval,
                         const std::function<void(const std::string&)>& warn) {
  const auto alone = make_local_communicator();
  CheckpointStore store(checkpoints, 1, warn);
  const auto newest = store.newest(*alone);
  if (!newest)
    throw UserError(
        text("'", checkpoints.string(),
             "' holds no checkpoint: was the run stopped before its first one? Finish it with run.resume=true."));
  const Checkpoint checkpoint = read_checkpoint(*newest);
  const Forecaster forecaster = make_forecaster(checkpoint, model);
  use_columns_of(checkpoint, future);
  ImportReport report;
  const Panel table = import_table(future, &report);
  if (!future.events && future.event_names &&
      !std::all_of(future.event_names->begin(), future.event_names->end(), is_weekday))
    warn(text("The run knows events, but no data.events says when they come: none comes in the forecast."));
  for (const std::string& line : report.event_notes) warn(line);
  const std::string file = future.source.string();
  check_weeks(checkpoint.labels.at("week"), table.coordinates.weeks, future.step, file);
  if (report.missing_rows > 0) {
    const auto cell = std::find(table.observed_RT.begin(), table.observed_RT.end(), 0) - table.observed_RT.begin();
    warn(text(file, ": ", report.missing_rows, " of ", table.observed_RT.size(),
              " regions x weeks have no row, the first is region '", table.coordinates.regions[cell / table.weeks()],
              "', week ", table.coordinates.weeks[cell % table.weeks()],
              ". Their media continue the mean of the four weeks before; give them rows where they are known."));
  }
  const std::vector<int64_t> places = places_in(checkpoint.labels.at("region"), table, file);
  const std::vector<std::string>&regions = table.coordinates.regions, &weeks = table.coordinates.weeks;
  const auto R = static_cast<int64_t>(checkpoint.labels.at("region").size()), H = static_cast<int64_t>(weeks.size());
  const int64_t C = table.channels(), K = table.controls();
  if (table.regions < R) {
    const auto& all = checkpoint.labels.at("region");
    const std::unordered_set<std::string> given(regions.begin(), regions.end());
    const auto first = std::find_if(all.begin(), all.end(), [&](const auto& name) { return !given.contains(name); });
    warn(text(file, ": ", R - table.regions, " of the run's ", R, " regions have no row, the first is '", *first,
              "'. They are left out of the forecast, and of its sums."));
  }
  at::Tensor media = at::zeros({R, H, C}, at::kDouble),
             control = forecaster.last_control_RK.unsqueeze(1).expand({R, H, K}).clone();
  for (size_t i = 0; i < places.size(); ++i) {
    const auto source = static_cast<int64_t>(i);
    media[places[i]].copy_(continued_media(forecaster, places[i], table, source));
    if (K == 0) continue;
    const at::Tensor given =
        at::from_blob(const_cast<double*>(table.controls_RTK.data()) + source * H * K, {H, K}, at::kDouble);
    control[places[i]].copy_(at::where(given.isnan(), control[places[i]], given));
  }
  const at::Tensor& level_EN = forecaster.scales.national_EN;
  if (level_EN.defined() && forecaster.weeks + H > level_EN.size(1))
    throw UserError(text(
        file, ": ", counted(H, steps_name(future.step)), " are too many: the run's national level goes ",
        counted(level_EN.size(1) - forecaster.weeks, steps_name(future.step)), " beyond its panel. Forecast fewer."));
  const at::Tensor predicted = forecast(forecaster, media, control).contiguous();
  const auto value = predicted.accessor<double, 2>();
  const at::Tensor scale = forecaster.scales.target_scale_ER[0].contiguous();
  const at::Tensor has_past = forecaster.has_past_R.contiguous();
  std::vector<std::string> without_past;
  std::string out = "region,week,predicted,lower,upper\n";
  const auto field = [](double number) { return std::isfinite(number) ? shortest(number) : std::string(); };
  for (size_t i = 0; i < regions.size(); ++i) {
    const auto place = static_cast<size_t>(places[i]);
    const bool has_history = has_past.const_data_ptr<bool>()[place];
    if (!has_history) without_past.push_back(text("'", regions[i], "'"));
    for (size_t t = 0; t < weeks.size(); ++t) {
      const double expected =
          has_history ? value[places[i]][static_cast<int64_t>(t)] : std::numeric_limits<double>::quiet_NaN();
      double half = std::numeric_limits<double>::quiet_NaN();
      if (const auto& intervals = forecaster.intervals)
        half = intervals->half_width(intervals->scale_R[place], scale.const_data_ptr<double>()[place],
                                     forecaster.held_out + static_cast<int64_t>(t) + 1, interval);
      out += csv_field(regions[i]) + "," + weeks[t] + "," + field(expected) + "," + field(expected - half) + "," +
             field(expected + half) + "\n";
    }
  }
  if (!without_past.empty()) {
    const size_t more = without_past.size() - std::min<size_t>(without_past.size(), 10);
    without_past.resize(without_past.size() - more);
    warn(text(file, ": no target was known in the run's training weeks of ", join(without_past),
              more > 0 ? text(" and ", more, " more regions") : "", ": their rows have no forecast."));
  }
  return out;
}

}  // namespace dcmmm
