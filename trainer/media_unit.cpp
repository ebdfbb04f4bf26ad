#include "trainer/media_unit.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "model/seasonality.hpp"
#include "trainer/likelihood_data.hpp"

namespace dcmmm {
namespace {

// Whether every region of all ranks has a population.
bool has_population(const Panel& panel, const RegionLoop& loop) {
  const std::vector<double> missing = loop.sum(1, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) total[0] += !(panel.population_R[r] > 0);
  });
  return missing[0] == 0;
}

}  // namespace

void check_media_unit(const Panel& panel, MediaUnit unit, const RegionLoop& loop) {
  if (unit == MediaUnit::kPopulation && !has_population(panel, loop))
    throw UserError(
        "'model.media.unit' is 'population', but the panel doesn't have one of every region: name its column by "
        "data.population at import, or set model.media.unit=auto.");
}

MediaUnit choose_media_unit(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                            int64_t origin, const RegionLoop& loop,
                            const std::function<void(const std::string&)>& log) {
  check_media_unit(panel, model.media_unit, loop);
  if (model.media_unit != MediaUnit::kAuto) return model.media_unit;
  std::vector<MediaUnit> units = {MediaUnit::kRegion, MediaUnit::kTarget};
  if (has_population(panel, loop)) units.push_back(MediaUnit::kPopulation);
  const at::Tensor patterns = temporal_patterns(model, seasonal_period(panel.coordinates.step), 0, panel.weeks());
  // What is known of single channels and controls is left out: it is in units of its own, and the panel is asked.
  LikelihoodOptions options = likelihood;
  options.channel_priors.clear();
  options.control_signs.clear();
  std::vector<double> negative_log;
  std::optional<Components> start;
  std::string report;
  for (const MediaUnit unit : units) {
    Member member = member_of(model, origin, 0);
    member.media_unit = unit;
    const FitData data = make_fit_data(panel, {member}, at::kDouble, loop);
    const ComponentEstimate found =
        quick_estimate(likelihood_data(data, 0, patterns, loop), options, start, data.all_regions, loop);
    if (!start) start = found.components;
    negative_log.push_back(found.negative_log);
    report += text(report.empty() ? "" : ", ", name_of(unit), " ", negative_log.back() - negative_log[0]);
  }
  // Not a number is never below another one: the region's mean, which comes first, stays.
  const auto best = std::min_element(negative_log.begin(), negative_log.end()) - negative_log.begin();
  if (log)
    log(text("Media are measured per ", name_of(units[static_cast<size_t>(best)]),
             " (negative log likelihood over that per region: ", report, ")."));
  return units[static_cast<size_t>(best)];
}

}  // namespace dcmmm
