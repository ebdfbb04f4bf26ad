#include "analysis/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <sstream>

#include "analysis/csv_writer.hpp"
#include "checkpoints/checkpoint_store.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/time_axis.hpp"
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
      throw UserError(text(file, ": region '", region, "' isn't one of the ", known.size(),
                           " regions that the run was trained on.", did_you_mean(region, known)));
    places.push_back(found->second);
  }
  return places;
}

}  // namespace

std::string forecast_csv(const fs::path& checkpoints, int rows, const ModelOptions& model, ImportOptions future,
                         double interval, const std::function<void(const std::string&)>& warn) {
  const auto alone = make_local_communicator();
  at::Tensor total_RH;
  int64_t members = 0;
  std::string out = "region,week,predicted,lower,upper\n";
  std::vector<std::string> regions, weeks;
  std::vector<int64_t> places;
  std::optional<ForecastIntervals> intervals;  // the same in every row of the mesh
  std::vector<double> scale_R;
  int64_t held_out = 0;
  for (int row = 0; row < rows; ++row) {
    const fs::path folder = row == 0 ? checkpoints : checkpoints / text("row_", row);
    CheckpointStore store(folder, 1, warn);
    const auto newest = store.newest(*alone);
    if (!newest)
      throw UserError(
          text("'", folder.string(),
               "' holds no checkpoint: was the run stopped before its first one? Finish it with run.resume=true."));
    const Checkpoint checkpoint = read_checkpoint(*newest);
    const Forecaster forecaster = make_forecaster(checkpoint, model);
    if (row == 0 && forecaster.intervals) {
      intervals = forecaster.intervals;
      held_out = forecaster.held_out;
      const at::Tensor scale = forecaster.scales.target_scale_ER[0].contiguous();
      scale_R.assign(scale.const_data_ptr<double>(), scale.const_data_ptr<double>() + scale.numel());
    }
    use_columns_of(checkpoint, future);
    ImportReport report;
    const Panel table = import_table(future, &report);
    if (row == 0) {
      if (!future.events && future.event_names)
        warn(text("The run knows events, but no data.events says when they come: none comes in the forecast."));
      for (const std::string& line : report.event_notes) warn(line);
    }
    const std::string file = future.source.string(),
                      expected = next_label(checkpoint.labels.at("week"),
                                            static_cast<TimeStep>(std::stoi(checkpoint.notes.at("time_step"))));
    if (table.coordinates.weeks.front() != expected) {
      throw UserError(text(file, ": the first week is ", table.coordinates.weeks.front(), ", but the panel ends with ",
                           checkpoint.labels.at("week").back(), ": expected the forecast's first week to be ", expected,
                           "."));
    }
    places = places_in(checkpoint.labels.at("region"), table, file);
    regions = table.coordinates.regions;
    weeks = table.coordinates.weeks;
    const auto R = static_cast<int64_t>(checkpoint.labels.at("region").size()), H = static_cast<int64_t>(weeks.size());
    const int64_t C = table.channels(), K = table.controls();
    at::Tensor media = at::zeros({R, H, C}, at::kDouble),
               control = forecaster.last_control_RK.unsqueeze(1).expand({R, H, K}).clone();
    for (size_t i = 0; i < places.size(); ++i) {
      const auto source = static_cast<int64_t>(i);
      media[places[i]].copy_(
          at::from_blob(const_cast<double*>(table.media_RTC.data()) + source * H * C, {H, C}, at::kDouble));
      if (K == 0) continue;
      const at::Tensor given =
          at::from_blob(const_cast<double*>(table.controls_RTK.data()) + source * H * K, {H, K}, at::kDouble);
      control[places[i]].copy_(at::where(given.isnan(), control[places[i]], given));
    }
    const at::Tensor predicted = forecast(forecaster, media, control) * static_cast<double>(forecaster.members);
    total_RH = total_RH.defined() ? total_RH + predicted : predicted;
    members += forecaster.members;
  }
  const at::Tensor predicted = (total_RH / static_cast<double>(members)).contiguous();
  const auto value = predicted.accessor<double, 2>();
  const auto field = [](double number) { return std::isfinite(number) ? shortest(number) : std::string(); };
  for (size_t i = 0; i < regions.size(); ++i) {
    const auto place = static_cast<size_t>(places[i]);
    for (size_t t = 0; t < weeks.size(); ++t) {
      const double expected = value[places[i]][static_cast<int64_t>(t)];
      double half = std::numeric_limits<double>::quiet_NaN();
      if (intervals)
        half = intervals->half_width(intervals->scale_R[place], scale_R[place], held_out + static_cast<int64_t>(t) + 1,
                                     interval);
      out += csv_field(regions[i]) + "," + weeks[t] + "," + shortest(expected) + "," + field(expected - half) + "," +
             field(expected + half) + "\n";
    }
  }
  return out;
}

}  // namespace dcmmm
