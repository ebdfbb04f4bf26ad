// A fit by the likelihood, as the same thing that the descent makes: parameters, baselines and states that results,
// checkpoints and forecasts are read from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "likelihood/gate.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "trainer/fit.hpp"
#include "trainer/inner_residuals.hpp"

namespace dcmmm {

/// What each channel's training weeks say about whether its effect is identified. Collective.
std::vector<ChannelIdentification> identify_channels(const Panel& panel, const ModelOptions& options, int64_t origin,
                                                     const RegionLoop& loop);

/// The model's options under the likelihood: its lower bound of the exponents, patterns of the regions' own, no GRU.
ModelOptions options_of_likelihood(ModelOptions model, const LikelihoodOptions& likelihood);

/// Fits a member for each seed (fit_likelihood). Nothing is left to descend on. `model` as options_of_likelihood gives
/// it, exponents' upper bound included; `start` as fit_likelihood takes it. Throws UserError where a prior's exponent
/// is at or above that bound, or an ROI is known of a channel without spend in the training weeks. Collective.
std::unique_ptr<Fit> fit_by_likelihood(const Panel& panel, const ModelOptions& model,
                                       const LikelihoodOptions& likelihood, const TrainerOptions& trainer,
                                       int64_t origin, const std::vector<std::optional<uint64_t>>& seeds,
                                       RegionPlan plan, Communicator& communicator,
                                       const std::function<void(const std::string&)>& log,
                                       const LikelihoodStart* start = nullptr);

/// Fits of the first member from inner origins, as inner_residuals asks for them: each is made when it is asked for and
/// goes with its predictions. `fit` must outlive them.
InnerPredictions likelihood_predictions(const Fit& fit, const std::vector<int64_t>& origins);

}  // namespace dcmmm
