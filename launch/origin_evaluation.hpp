// One origin of a rolling evaluation: what is fitted before it, and how that forecasts the weeks after it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analysis/forecast_rows.hpp"
#include "launch/value.hpp"
#include "trainer/estimate.hpp"
#include "trainer/rolling_origin.hpp"

namespace dcmmm {

/// One model that is fitted at every origin.
struct Bundle {
  std::string name;
  EstimateOptions estimate;
};

/// Of a composed config and the words that it came from. Without checkpoints and time limits: an evaluation that leaves
/// out origins or steps would compare unlike things.
Bundle bundle_of(const Value& config, const std::vector<std::string>& overrides);

/// Its fits refer to it: it must outlive them, where it stands.
class OriginEvaluation {
 public:
  /// `panel`: this rank's regions, all weeks; `fits`: how many models will be added; `interval`: level.
  OriginEvaluation(const Panel& panel, const OriginWeeks& weeks, std::size_t fits, const RegionPlan& plan,
                   double interval, Communicator& communicator);
  OriginEvaluation(const OriginEvaluation&) = delete;
  OriginEvaluation& operator=(const OriginEvaluation&) = delete;

  /// A fit on the weeks before the origin, ready for train(). Collective.
  Estimate prepare(EstimateOptions options, const std::function<void(const std::string&)>& log) const;
  /// Takes the forecasts of the model of this place; of the first one intervals, too. Collective.
  void add(std::size_t place, const Fit& fit);
  /// All models' forecasts and the naive ones, of all regions. Collective.
  OriginForecasts finish();

 private:
  int64_t origin() const { return weeks_.origin - weeks_.first_week; }  // in part_
  void add_naive();

  OriginWeeks weeks_;
  std::size_t fits_;
  const RegionPlan& plan_;
  double interval_;
  Communicator& communicator_;
  Panel part_;  // nothing after the forecast is there to be seen; of the forecast's weeks only media and controls are
                // used
  ForecastRows rows_;
  ForecastIntervals intervals_;
};

}  // namespace dcmmm
