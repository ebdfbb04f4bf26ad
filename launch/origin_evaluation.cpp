#include "launch/origin_evaluation.hpp"

#include <algorithm>

#include "analysis/decompose.hpp"
#include "analysis/prediction_intervals.hpp"
#include "launch/configuration.hpp"
#include "launch/settings.hpp"

namespace dcmmm {

Bundle bundle_of(const Value& config, const std::vector<std::string>& overrides) {
  Bundle out{get<std::string>(config, "model.name"), estimate_options(config, overrides)};
  for (int64_t member = 0; member < get<int64_t>(config, "ensemble.members"); ++member)
    out.estimate.members.push_back(member);
  out.estimate.trainer.checkpoint_every = 0;
  out.estimate.trainer.time_limit = 0;
  return out;
}

OriginEvaluation::OriginEvaluation(const Panel& panel, const OriginWeeks& weeks, std::size_t fits,
                                   const RegionPlan& plan, double interval, Communicator& communicator)
    : weeks_(weeks),
      fits_(fits),
      plan_(plan),
      interval_(interval),
      communicator_(communicator),
      part_(slice_weeks(panel, weeks.first_week, weeks.end - weeks.first_week)),
      rows_(part_, origin(), weeks.first_forecast - weeks.first_week, fits + kNaiveKinds) {}

Estimate OriginEvaluation::prepare(EstimateOptions options, const std::function<void(const std::string&)>& log) const {
  options.likelihood.experiments = experiments_within(options.likelihood.experiments, weeks_.first_week, origin());
  return prepare_estimate(part_, options, origin(), plan_, communicator_, log);
}

void OriginEvaluation::add(std::size_t place, const Fit& fit) {
  if (place == 0) intervals_ = *fit.intervals;
  const SharedResults shared = shared_results(fit);
  fit.loop.each([&](Chunk chunk) {
    ResultBlock block = result_block(fit, chunk);
    for (int64_t r = 0; r < block.regions; ++r)
      rows_.set_prediction(place, block.first_region + r, block.predicted_RT.data() + r * part_.weeks());
    if (place > 0) return;
    add_intervals(slice_regions(part_, chunk.first, chunk.count), shared, intervals_, block);
    rows_.set_intervals(block, shared, interval_);
  });
}

OriginForecasts OriginEvaluation::finish() {
  add_naive();
  OriginForecasts out = rows_.gather(communicator_, intervals_, interval_);
  out.origin += weeks_.first_week;
  out.first_week += weeks_.first_week;
  return out;
}

void OriginEvaluation::add_naive() {
  const int64_t ahead = part_.weeks() - origin();
  const auto naive = naive_forecasts(part_, origin(), ahead);
  std::vector<double> forecast_T(static_cast<std::size_t>(part_.weeks()));
  for (std::size_t kind = 0; kind < kNaiveKinds; ++kind) {
    for (int64_t r = 0; r < part_.regions; ++r) {
      std::copy_n(naive[kind].begin() + r * ahead, ahead, forecast_T.begin() + origin());
      rows_.set_prediction(fits_ + kind, part_.first_region + r, forecast_T.data());
    }
  }
}

}  // namespace dcmmm
