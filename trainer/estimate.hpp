// From a panel to a fit: which channels are identified, whether the likelihood or the descent estimates the model, and
// with which settings.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "likelihood/gate.hpp"
#include "trainer/choose_settings.hpp"
#include "trainer/earlier_run.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// kAuto: the likelihood where all channels are identified and the panel is large enough for it, else the descent.
enum class Estimator { kAuto, kLikelihood, kDescent };

/// What is known from outside of a channel, or of the sign of a control's effect (1, -1 or 0: nothing).
struct OutsideKnowledge {
  ChannelPrior channel;
  int control_sign = 0;
};

struct EstimateOptions {
  ModelOptions model;
  LikelihoodOptions likelihood;
  std::map<std::string, OutsideKnowledge> priors;  // by the name of a channel or control
  Estimator estimator = Estimator::kAuto;
  FreeSettings free;  // of the descent's settings
  TrainerOptions trainer;
  uint64_t seed = 0;                          // of the run
  std::vector<int64_t> members = {0};         // numbers of the ensemble's members; 0 is the plain fit
  std::shared_ptr<const EarlierRun> earlier;  // to start from; null: from the closed form or the priors
};

/// A fit that is ready for the descent, or that the likelihood has finished (fit->likelihood), with intervals for its
/// forecasts.
struct Estimate {
  std::unique_ptr<Fit> fit;
  std::vector<ChannelIdentification> identification;
  SettingsChoice settings;  // the descent's
  ModelOptions model;       // as fitted
};

/// Looks at weeks [0, origin) only. Collective; the same choices on every rank.
Estimate prepare_estimate(const Panel& panel, const EstimateOptions& options, int64_t origin, const RegionPlan& plan,
                          Communicator& communicator, const std::function<void(const std::string&)>& log);

/// Experiments beside what the panel and the fit say of them, a line each, for people.
std::string experiment_table(const std::vector<ExperimentReport>& experiments,
                             const std::vector<std::string>& channels);

/// The gate's figures for people, a line a channel.
std::string identification_table(const std::vector<ChannelIdentification>& channels,
                                 const std::vector<std::string>& names);

}  // namespace dcmmm
