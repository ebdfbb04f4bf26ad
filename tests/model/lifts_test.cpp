// Measured lifts against plain loops, and their pull on the closed form. E members, X observations, T weeks.
#include "model/lifts.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "common/errors.hpp"
#include "model/kernels/media.hpp"
#include "tests/model/model_case.hpp"

namespace dcmmm {
namespace {

using testing::expect_gradients;
using testing::mmm_panel;
using testing::ModelCase;
using testing::small_model;

constexpr int64_t kRegions = 6, kWeeks = 56;

// The second of them ends after the second member's origin, 41.
ModelOptions with_experiments() {
  ModelOptions options = small_model();
  options.knowledge.experiments = {{"north", 1, {0, 2, 5}, 20, 31, 900.0, 50.0},
                                   {"all", 0, {0, 1, 2, 3, 4, 5}, 30, 44, 2500.0, 100.0}};
  return options;
}

struct LiftCase : ModelCase {
  explicit LiftCase(const ModelOptions& options, Panel of = mmm_panel(kRegions, kWeeks, 3, 2))
      : ModelCase(std::move(of), options, {{50, 1}, {41, 2}}) {
    data.lifts = lift_observations(panel, options.knowledge, data, loop);
    at::Tensor start = initial_shared(model.layout(), options, data.members);
    anchor = model.closed_form(data, start, loop);
    closed_EP = start;
  }
  at::Tensor closed_EP;
};

// What the channel adds in a region and week with its media off from `off` on.
double slow_effect(const LiftCase& of, int64_t member, int64_t r, int64_t c, int64_t week, int64_t off) {
  const auto value = [&](const at::Tensor& tensor) { return tensor.to(at::kDouble).item<double>(); };
  const Mmm::Curves curve = of.model.curves(of.shared_EP);
  const double decay = value(curve.decay_EC[member][c]), scale = value(of.data.inverse_media_scale_ERC[member][r][c]);
  double carried = 0;
  for (int64_t t = 0; t <= week; ++t) {
    const double media = t < off ? std::min(value(of.data.media_RTC[r][t][c]) * scale, 50.0) : 0.0;
    carried = decay * carried + (1 - decay) * media;
  }
  const double response =
      1 / (1 + std::exp(-value(curve.exponent_EC[member][c]) *
                        (std::log(carried + kernels::kHillOffset) - value(curve.log_half_EC[member][c]))));
  const double log = value(of.model.layout().view(of.shared_EP, "coefficient.log_mean")[member][c]) +
                     value(of.model.layout().view(of.local_ERL, "coefficient.region_effect")[member][r][c]);
  return value(of.data.target_scale_ER[member][r]) * std::log1p(std::exp(log)) * response;
}

TEST(Lifts, AreSumsOverTheirRegionsAndWeeks) {
  ModelOptions options = with_experiments();
  options.gru = false;
  const LiftCase fit(options);
  const std::vector<double> found = fit.model.all_lifts(fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
  for (int64_t e = 0; e < 2; ++e)
    for (size_t x = 0; x < 2; ++x) {
      const Experiment& test = options.knowledge.experiments[x];
      double expected = 0;
      for (const int64_t r : test.regions)
        for (int64_t t = test.first_week; t <= test.last_week; ++t)
          expected += slow_effect(fit, e, r, test.channel, t, kWeeks) -
                      slow_effect(fit, e, r, test.channel, t, test.first_week);
      if (x == 1 && e == 1) expected = 0;  // not over by this member's origin
      EXPECT_NEAR(found[e * 2 + x], expected, 1e-9 * std::abs(expected)) << "member " << e << ", test " << x;
    }
  EXPECT_FALSE(fit.data.lifts[1].counts_for(1));
}

TEST(Lifts, HaveTheGradientOfTheirValues) {
  LiftCase fit(with_experiments());
  const at::Tensor mix = at::tensor({1.0, 0.6, -0.3, 0.2}, at::kDouble).view({2, 2}) / 1000;
  const Chunk chunk{1, 5};
  const at::Tensor local = fit.local_ERL.narrow(1, 1, 5).contiguous();
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        const Effects effect = fit.model.effects(fit.data, in[0], local, chunk, fit.data.last_origin());
        return (fit.model.lifts(fit.data, effect, in[0], local, chunk, 0) * mix).sum();
      },
      {fit.shared_EP}, 150);
}

// The loss of a chunk with a pull has the gradient of the loss with the measurements' squares in it.
TEST(Lifts, PullTheLossByTheirSquares) {
  LiftCase fit(with_experiments());
  const auto loss = [&](const at::Tensor& shared) {
    const at::NoGradGuard no_gradient;
    const double plain =
        fit.model.chunk_loss(fit.data, fit.anchor, shared, fit.local_ERL, fit.all()).total_E.sum().item<double>();
    const LiftPull pull = fit.model.lift_pull(fit.data, fit.anchor, shared, fit.local_ERL, fit.loop);
    return plain + pull.loss_E.sum().item<double>();
  };
  const LiftPull pull = fit.model.lift_pull(fit.data, fit.anchor, fit.shared_EP, fit.local_ERL, fit.loop);
  const at::Tensor shared = fit.shared_EP.detach().clone().requires_grad_(true);
  const at::Tensor gradient = torch::autograd::grad(
      {fit.model.chunk_loss(fit.data, fit.anchor, shared, fit.local_ERL, fit.all(), &pull, 0).total_E.sum()},
      {shared})[0];
  // By hand, at the first member: squares of what is left in standard deviations, over kap n.
  const std::vector<double> now = fit.model.all_lifts(fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
  double expected = 0;
  for (size_t x = 0; x < 2; ++x)
    expected += 0.5 * std::pow((now[x] - fit.options.knowledge.experiments[x].lift) / fit.anchor.lift_sd_EX[x], 2);
  EXPECT_NEAR(pull.loss_E[0].item<double>(), expected / (fit.options.tempering * fit.data.cells_E[0]), 1e-12);
  for (const int64_t p : {0, 1, 3, 4, 7, 9, 10}) {
    const double step = 1e-4;
    at::Tensor more = fit.shared_EP.clone(), less = fit.shared_EP.clone();
    more[0][p] += step;
    less[0][p] -= step;
    const double slope = (loss(more) - loss(less)) / (2 * step);
    EXPECT_NEAR(gradient[0][p].item<double>(), slope, 1e-5 * std::abs(slope) + 1e-7) << "parameter " << p;
  }
}

// Chunks without a region that takes part are passed over.
TEST(Lifts, DoNotDependOnTheChunks) {
  ModelOptions options = small_model();
  options.knowledge.experiments = {{"one", 1, {4}, 20, 31, 900.0, 50.0}, {"two", 0, {1, 4}, 25, 38, 500.0, 40.0}};
  const LiftCase fit(options);
  const RegionLoop loop(plan_regions(testing::observed_cells(fit.panel), 0, 1, 2, false), *fit.alone);
  const std::vector<double> found = fit.model.all_lifts(fit.data, fit.shared_EP, fit.local_ERL, loop),
                            expected = fit.model.all_lifts(fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
  ASSERT_EQ(found.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(found[i], expected[i], 1e-12 * expected[i]);
  EXPECT_GT(expected[0], 0);
  at::Tensor start = initial_shared(fit.model.layout(), options, fit.data.members);
  fit.model.closed_form(fit.data, start, loop);
  EXPECT_TRUE(at::allclose(start, fit.closed_EP, 1e-9, 1e-12));
  // Each chunk of a step copies its members' observations, but not their lists of regions.
  EXPECT_EQ(fit.data.only(1).lifts[1].regions, fit.data.lifts[1].regions);
}

// A closed form is straight in the coefficients, so it lies between panel and measurement by the inverse variances.
TEST(Lifts, MoveTheClosedFormByThePrecisions) {
  ModelOptions options = small_model();
  options.gru = false;
  options.region_coefficient_sd = 1e-6;
  for (const double error : {20.0, 200.0, 2000.0}) {
    options.knowledge.experiments = {{"all", 0, {0, 1, 2, 3, 4, 5}, 10, 34, 0.0, error}};
    double panel = 0;
    for (const double away : {0.0, 1.0}) {
      options.knowledge.experiments[0].lift = panel + away * error;
      LiftCase fit(options);
      fit.local_ERL.zero_();
      const double found = fit.model.all_lifts(fit.data, fit.closed_EP, fit.local_ERL, fit.loop)[0];
      panel = fit.anchor.panel_lift_EX[0];
      const double spread = fit.anchor.panel_lift_sd_EX[0], share = spread * spread / (spread * spread + error * error);
      ASSERT_GT(panel, 0);
      if (away == 0) continue;
      EXPECT_NEAR(found - panel, share * error, 1e-6 * error);
      EXPECT_GT(share, 0.0);
    }
  }
}

TEST(Lifts, OfKnownRoiAreSpendTimesRoiOverObservedCells) {
  Panel panel = mmm_panel(kRegions, kWeeks, 3, 2);
  panel.coordinates.has_spend = true;
  panel.spend_RTC = panel.media_RTC;
  double spend = 0;
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t t = 0; t < 41; ++t)
      if (panel.observed_RT[r * kWeeks + t]) spend += panel.spend_RTC[(r * kWeeks + t) * 3 + 2];
  ModelOptions options = small_model();
  options.gru = false;
  options.knowledge.channels.assign(3, {});
  options.knowledge.channels[2].roi = GaussianPrior{0.03, 1e-6};
  LiftCase fit(options, panel);
  ASSERT_EQ(fit.data.lifts.size(), 1u);
  EXPECT_NEAR(fit.data.lifts[0].lift_E[1], 0.03 * spend, 1e-9 * spend);
  // A sharp one is met, and the ridge no longer pulls.
  fit.local_ERL.zero_();
  const double found = fit.model.all_lifts(fit.data, fit.closed_EP, fit.local_ERL, fit.loop)[0];
  EXPECT_NEAR(found, fit.data.lifts[0].lift_E[0], 1e-3 * found);
  EXPECT_EQ(fit.anchor.ridge_metric_EF[0][2].item<double>(), 0);
}

TEST(Knowledge, StartsAndCentresKnownCurvesAndKeepsSigns) {
  ModelOptions options = small_model();
  options.knowledge.channels.assign(3, {});
  options.knowledge.channels[1] = {{}, GaussianPrior{0.7, 0.02}, GaussianPrior{2.9, 0.1}, GaussianPrior{1.6, 0.1}};
  options.knowledge.control_signs = {-1, 1};
  LiftCase fit(options);
  const Mmm::Curves curve = fit.model.curves(fit.anchor.prior_center_EP);
  EXPECT_NEAR(curve.decay_EC[0][1].item<double>(), 0.7, 1e-12);
  EXPECT_NEAR(curve.exponent_EC[0][1].item<double>(), 2.9, 1e-12);
  EXPECT_NEAR(curve.log_half_EC[0][1].item<double>(), std::log(1.6), 1e-12);
  const auto controls = [&](const at::Tensor& shared) {
    return fit.model.layout().view(shared, "control.coefficient")[0];
  };
  EXPECT_EQ(controls(fit.closed_EP)[0].item<double>(), 0) << "the panel says that it is positive";
  EXPECT_GT(controls(fit.closed_EP)[1].item<double>(), 0);
  at::Tensor shared = fit.closed_EP.clone();
  controls(shared).fill_(0.5);
  fit.model.keep_signs(shared);
  EXPECT_EQ(controls(shared)[0].item<double>(), 0);
  EXPECT_EQ(controls(shared)[1].item<double>(), 0.5);
  // One sd away from the known decay costs 1/2, over kap n; in the curve's coordinate the sd is .02 / (.7 x .3).
  shared = fit.anchor.prior_center_EP.clone();
  const double before = fit.model.shared_penalty(fit.data, fit.anchor, shared)[0].item<double>();
  fit.model.layout().view(shared, "adstock.decay_logit")[0][1] += 0.02 / (0.7 * 0.3);
  const double after = fit.model.shared_penalty(fit.data, fit.anchor, shared)[0].item<double>();
  EXPECT_NEAR(after - before, 0.5 / (options.tempering * fit.data.cells_E[0]), 1e-9);
}

}  // namespace
}  // namespace dcmmm
