// A fit by the likelihood, as the same thing that the descent makes: parameters, baselines and states that results,
// checkpoints and forecasts are read from.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "likelihood/gate.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

/// What each channel's training weeks say about whether its effect is identified. Collective.
std::vector<ChannelIdentification> identify_channels(const Panel& panel, const ModelOptions& options, int64_t origin,
                                                     const RegionLoop& loop);

/// The model's options under the likelihood: the likelihood's bound of the exponents, patterns of the regions' own, no
/// GRU.
ModelOptions options_of_likelihood(ModelOptions model, const LikelihoodOptions& likelihood);

struct LikelihoodRun {
  std::unique_ptr<Fit> fit;  // nothing is left to descend on
  LikelihoodFit likelihood;
};

/// Fits a member for each seed; the first is the plain fit. `model` as options_of_likelihood gives it. Collective.
LikelihoodRun fit_by_likelihood(const Panel& panel, const ModelOptions& model, const LikelihoodOptions& likelihood,
                                const TrainerOptions& trainer, int64_t origin, const std::vector<uint64_t>& seeds,
                                RegionPlan plan, Communicator& communicator,
                                const std::function<void(const std::string&)>& log);

}  // namespace dcmmm
