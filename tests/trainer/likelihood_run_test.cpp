// A fit by the likelihood as the trainer makes it.
#include "trainer/likelihood_run.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "data/synthetic.hpp"
#include "model/seasonality.hpp"
#include "tests/trainer/fit_case.hpp"
#include "trainer/likelihood_data.hpp"

namespace dcmmm {
namespace {

using testing::observed_cells;

constexpr int64_t kOrigin = 62;

Panel panel_with_spend() {
  SyntheticOptions options;
  options.kind = SyntheticKind::kClean;
  options.regions = 8;
  options.weeks = 70;
  options.channels = 2;
  options.controls = 1;
  options.has_spend = true;
  Panel out;
  generate_panel(options, [&](const Panel& block, const TruthBlock&) { out = block; });
  return out;
}

class LikelihoodRun : public ::testing::Test {
 protected:
  LikelihoodRun() {
    likelihood_.curve_draws = 0;
    likelihood_.drift = Drift::kNone;
    model_.media_unit = MediaUnit::kRegion;
  }

  std::unique_ptr<Fit> fit() {
    return fit_by_likelihood(panel_, options_of_likelihood(model_, likelihood_), likelihood_, testing::quick_trainer(0),
                             kOrigin, {std::nullopt, 7}, plan_regions(observed_cells(panel_), 0, 1, 64, false), *alone_,
                             {});
  }

  std::string refusal() {
    try {
      fit();
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  std::unique_ptr<Communicator> alone_ = make_local_communicator();
  Panel panel_ = panel_with_spend();
  ModelOptions model_;
  LikelihoodOptions likelihood_;
};

TEST_F(LikelihoodRun, RefusesTheRoiOfAChannelWithoutSpendInTheTrainingWeeks) {
  likelihood_.channel_priors.resize(2);
  likelihood_.channel_priors[1].roi = GaussianPrior{1.0, 0.1};
  EXPECT_EQ(refusal(), "");
  for (int64_t r = 0; r < panel_.regions; ++r)
    for (int64_t t = 0; t < kOrigin; ++t) panel_.spend_RTC[static_cast<size_t>((r * panel_.weeks() + t) * 2 + 1)] = 0;
  EXPECT_THAT(refusal(), ::testing::HasSubstr("has an roi of " + panel_.coordinates.channels[1] +
                                              ", which has no spend in the training weeks"));
}

TEST_F(LikelihoodRun, FindsCurvesUnderTheBoundThatThePredictionHas) {
  const auto free = fit();
  const Shapes& unbound = free->likelihood->members[0].mode.shapes;
  const double most = std::min(unbound.exponent(0), unbound.exponent(1)) - 0.2;
  likelihood_.exponent = most - 0.2;
  model_.max_exponent = most;
  const auto bound = fit();
  ASSERT_EQ(bound->members, 2);
  const at::Tensor exponent = bound->model.curves(bound->state.shared_EP).exponent_EC;
  for (int64_t e = 0; e < 2; ++e)
    for (int64_t c = 0; c < 2; ++c) {
      const double found = bound->likelihood->members[static_cast<size_t>(e)].mode.shapes.exponent(c);
      EXPECT_LE(found, most);
      EXPECT_NEAR(exponent[e][c].item<double>(), found, 1e-12);
    }
}

TEST_F(LikelihoodRun, RefusesCentresOfExponentsBeyondTheirBound) {
  model_.max_exponent = 1.9;
  EXPECT_THAT(refusal(), ::testing::HasSubstr("'model.likelihood.exponent' is 2, but expected a number below "
                                              "model.hill.max_exponent (1.9)"));
  likelihood_.exponent = 1.5;
  likelihood_.channel_priors.resize(2);
  likelihood_.channel_priors[0].exponent = GaussianPrior{2.5, 0.1};
  EXPECT_THAT(refusal(), ::testing::HasSubstr("'model.priors." + panel_.coordinates.channels[0] + ".exponent' is 2.5"));
}

TEST_F(LikelihoodRun, DataHaveThePanelsYear) {
  const RegionLoop loop(plan_regions(observed_cells(panel_), 0, 1, 64, false), *alone_);
  const ModelOptions model = options_of_likelihood(model_, likelihood_);
  const FitData data = make_fit_data(panel_, {member_of(model, kOrigin, 0)}, at::kDouble, loop);
  const at::Tensor patterns = temporal_patterns(model, 12, 0, panel_.weeks());
  EXPECT_EQ(likelihood_data(data, 0, patterns, 12, loop).year, 12);
}

}  // namespace
}  // namespace dcmmm
