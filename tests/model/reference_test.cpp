// The whole model against the slow reference. E members, R regions, T weeks.
#include <gtest/gtest.h>

#include "model/closed_form.hpp"
#include "model/seasonality.hpp"
#include "tests/model/model_case.hpp"

namespace dcmmm {
namespace {

using testing::Matrix;
using testing::mmm_panel;
using testing::ModelCase;
using testing::ReferenceModel;
using testing::Row;
using testing::small_model;
using testing::Values;

constexpr int64_t kRegions = 6, kWeeks = 72, kOrigin = 64;

double value(const at::Tensor& tensor, std::initializer_list<int64_t> place) {
  at::Tensor at_place = tensor;
  for (const int64_t index : place) at_place = at_place[index];
  return at_place.item<double>();
}

void expect_close(double found, double expected, const char* what) {
  EXPECT_NEAR(found, expected, 1e-10 * std::max(std::abs(expected), 1e-6)) << what;
}

// Huber's weights, as a fit has them after a refresh.
void weigh_down_some_cells(FitData& data, int64_t member, ReferenceModel& reference) {
  for (int64_t r = 0; r < data.regions; ++r)
    for (int64_t t = r; t < data.weeks; t += 7) {
      data.cell_weight_ERT[member][r][t] *= 0.4;
      reference.weight_RT[r][t] *= 0.4;
    }
}

void compare(const ModelOptions& options, int64_t channels, int64_t controls) {
  ModelCase fit(mmm_panel(kRegions, kWeeks, channels, controls), options, {{kOrigin, 1}, {kOrigin - 9, 2}});
  for (int64_t e = 0; e < 2; ++e) {
    SCOPED_TRACE(::testing::Message() << "member " << e);
    ReferenceModel reference(fit.panel, options, fit.data.members[e].origin);
    expect_close(fit.data.cells_E[e], reference.cells, "cells");
    // The closed form's equations, by its solution: (A + ridge) theta - b is 0, or positive where theta is held at 0.
    const Values start = fit.values(fit.anchor.prior_center_EP, e);
    const Matrix gram = reference.gram(start);
    const size_t F = gram.size() - 1;
    Row theta;
    for (const double log_mean : start.at("coefficient.log_mean")) theta.push_back(testing::soft_plus(log_mean));
    for (const char* name : {"control.coefficient", "pattern.coefficient"})
      for (const double coefficient : start.at(name)) theta.push_back(coefficient);
    double squares = gram[F][F];
    for (size_t i = 0; i < F; ++i) {
      EXPECT_NEAR(value(fit.anchor.ridge_metric_EF, {e, int64_t(i)}), gram[i][i],
                  1e-10 * gram[F][F] + 1e-10 * gram[i][i])
          << "term " << i;
      squares -= 2 * theta[i] * gram[i][F];
      for (size_t j = 0; j < F; ++j) squares += theta[i] * gram[i][j] * theta[j];
    }
    expect_close(fit.anchor.variance_E[e], squares / reference.cells, "variance");
    bool none_at_floor = true;
    for (int64_t c = 0; c < channels; ++c) none_at_floor = none_at_floor && theta[c] > 1.1 * kCoefficientFloor;
    for (size_t i = 0; i < F && none_at_floor; ++i) {
      const double multiplier = int64_t(i) < channels              ? options.ridge_media
                                : int64_t(i) < channels + controls ? options.ridge_controls
                                                                   : options.ridge_patterns;
      double slope = gram[i][F] - (options.ridge * 0.01 * multiplier * gram[i][i] + 1e-6 * reference.cells) * theta[i];
      for (size_t j = 0; j < F; ++j) slope -= gram[i][j] * theta[j];
      EXPECT_NEAR(slope, 0, 1e-8 * gram[F][F]) << "closed form's equation " << i;
    }

    weigh_down_some_cells(fit.data, e, reference);
    const Values p = fit.values(fit.shared_EP, e);
    const Effects effects = fit.model.effects(fit.data, fit.shared_EP, fit.local_ERL, fit.all(), kWeeks);
    const at::Tensor total = effects.total();
    const at::Tensor prediction = total + fit.model.baseline(fit.data, total, fit.all()).baseline_ERT;
    bool clipped = false;
    for (int64_t r = 0; r < kRegions; ++r) {
      const Row expected = reference.prediction(p, r);
      for (int64_t t = 0; t < kWeeks; ++t) {
        expect_close(value(prediction, {e, r, t}), expected[t], "prediction");
        for (int64_t c = 0; c < channels; ++c) clipped = clipped || reference.media_RTC[r][t][c] == 50;
      }
    }
    if (e == 0 && !options.share_of_voice) {
      EXPECT_TRUE(clipped) << "the panel should have a clipped week";
    }
    const ChunkLoss loss = fit.model.chunk_loss(fit.data, fit.anchor, fit.shared_EP, fit.local_ERL, fit.all());
    const auto expected = reference.loss(p, fit.anchor.variance_E[e]);
    expect_close(value(loss.data_E, {e}), expected.data, "data");
    expect_close(value(loss.deviation_E, {e}), expected.deviation, "deviation");
    expect_close(value(loss.region_E, {e}), expected.region, "region");
    expect_close(value(loss.total_E, {e}), expected.data + expected.deviation + expected.region, "total");
    Row metric;
    for (size_t i = 0; i < F; ++i) metric.push_back(value(fit.anchor.ridge_metric_EF, {e, int64_t(i)}));
    expect_close(value(fit.model.shared_penalty(fit.data, fit.anchor, fit.shared_EP), {e}),
                 reference.shared_penalty(p, start, metric, fit.anchor.variance_E[e]), "shared penalty");
  }
}

TEST(Mmm, AgreesWithTheReference) { compare(small_model(), 3, 2); }

TEST(Mmm, AgreesWithTheReferenceWithoutGru) {
  ModelOptions options = small_model();
  options.gru = false;
  compare(options, 3, 2);
}

TEST(Mmm, AgreesWithTheReferenceWithATrend) {
  ModelOptions options = small_model();
  options.trend = true;
  options.harmonics = 1;
  compare(options, 2, 1);
}

TEST(Mmm, AgreesWithTheReferenceWithoutControls) { compare(small_model(), 2, 0); }

TEST(Mmm, AgreesWithTheReferenceWithDelayedChannels) {
  ModelOptions options = small_model();
  options.delayed_channels = {0, 2};
  options.max_lag = 6;
  compare(options, 3, 2);
}

TEST(Mmm, AgreesWithTheReferenceWithoutHill) {
  ModelOptions options = small_model();
  options.hill = false;
  compare(options, 3, 2);
  options.delayed_channels = {1};
  options.max_lag = 6;
  compare(options, 3, 2);
}

TEST(Mmm, AgreesWithTheReferenceOnSharesOfVoiceThatChannelsPassOn) {
  for (const Adjacency adjacency : {Adjacency::kTriangular, Adjacency::kNotears}) {
    ModelOptions options = small_model();
    options.share_of_voice = true;
    options.adjacency = adjacency;
    options.max_exponent = 2.3;  // some exponents are cut, others aren't
    compare(options, 3, 2);
  }
}

TEST(Mmm, AgreesWithTheReferenceWithoutSeason) {
  ModelOptions options = small_model();
  options.harmonics = 0;
  compare(options, 2, 1);
}

TEST(Mmm, ComponentsSumToThePrediction) {
  ModelCase fit(mmm_panel(5, 40, 3, 2), small_model(), {{34, 1}}, at::kFloat);
  const Effects effects = fit.model.effects(fit.data, fit.shared_EP, fit.local_ERL, fit.all(), 40);
  const at::Tensor by_channel =
      at::softplus(fit.model.layout().view(fit.shared_EP, "coefficient.log_mean").view({1, 1, 1, 3}) +
                   fit.model.layout().view(fit.local_ERL, "coefficient.region_effect").unsqueeze(2) +
                   effects.deviation_ERTC) *
      effects.response_ERTC;
  EXPECT_TRUE(at::allclose(by_channel.sum(-1), effects.media_ERT, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(effects.media_ERT + effects.control_ERT + effects.pattern_ERT, effects.total()));
  EXPECT_GE(by_channel.min().item<double>(), 0);
}

TEST(Mmm, FloatAgreesWithDouble) {
  ModelCase single(mmm_panel(5, 40, 3, 2), small_model(), {{34, 1}}, at::kFloat),
      full(mmm_panel(5, 40, 3, 2), small_model(), {{34, 1}});
  const auto loss = [](const ModelCase& fit) {
    return fit.model.chunk_loss(fit.data, fit.anchor, fit.shared_EP, fit.local_ERL, fit.all()).total_E.item<double>();
  };
  EXPECT_NEAR(loss(single), loss(full), 1e-4 * loss(full));
}

}  // namespace
}  // namespace dcmmm
