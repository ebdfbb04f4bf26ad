// Gradients of the model's operations, and their edges. E members, R regions, T weeks, C channels.
#include "model/operations.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/model/gradient_check.hpp"

namespace dcmmm {
namespace {

// Tests run in parallel, so each of this program's uses one thread unless it asks for more.
class OneThread final : public ::testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
[[maybe_unused]] const auto* const one_thread = ::testing::AddGlobalTestEnvironment(new OneThread);

using testing::expect_gradients;
using testing::normal_tensor;

// Media with zeros and with values far above the clip (region 0, channel 0).
at::Tensor raw_media(int64_t regions, int64_t weeks, int64_t channels) {
  at::Tensor media = normal_tensor({regions, weeks, channels}, 3).exp();
  media.masked_fill_(normal_tensor({regions, weeks, channels}, 4) > 0.8, 0);
  media.select(0, 0).select(1, 0).fill_(1e4);
  return media;
}

void check_adstock_hill(int64_t weeks, bool with_carry) {
  const int64_t E = 2, R = 3, C = 4;
  const at::Tensor media = raw_media(R, weeks, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  const at::Tensor carry = with_carry ? normal_tensor({E, R, C}, 6).abs() : at::Tensor();
  const at::Tensor mix = normal_tensor({E, R, weeks, C}, 8);
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (adstock_hill(media, scale, in[0], in[1], in[2], carry).response_ERTC * mix).sum();
      },
      {normal_tensor({E, C}, 9, 0.7).sigmoid(), 2 + normal_tensor({E, C}, 10, 0.3).exp(),
       normal_tensor({E, C}, 11, 0.4)});
}

TEST(AdstockHill, HasTheGradientOfItsValues) { check_adstock_hill(9, false); }
TEST(AdstockHill, HasTheGradientOfItsValuesFromAState) { check_adstock_hill(9, true); }
TEST(AdstockHill, HasTheGradientOfItsValuesInOneWeek) { check_adstock_hill(1, true); }

TEST(AdstockHill, TakesThePanelsFirstWeeksAsTheyLie) {
  const at::Tensor media = raw_media(3, 9, 4), scale = normal_tensor({2, 3, 4}, 5, 0.2).exp(),
                   decay = normal_tensor({2, 4}, 9, 0.7).sigmoid(), exponent = 2 + normal_tensor({2, 4}, 10, 0.3).exp(),
                   half = normal_tensor({2, 4}, 11, 0.4);
  const auto response = [&](const at::Tensor& of) {
    return adstock_hill(of, scale, decay, exponent, half).response_ERTC;
  };
  EXPECT_TRUE(at::equal(response(media.narrow(1, 0, 6)), response(media.narrow(1, 0, 6).contiguous())));
}

TEST(AdstockHill, ClipsMediaAtFiftyTimesItsScale) {
  const at::Tensor decay = at::full({1, 1}, 0.3, at::kDouble), exponent = at::full({1, 1}, 2.5, at::kDouble),
                   half = at::zeros({1, 1}, at::kDouble);
  const auto run = [&](double media) {
    return adstock_hill(at::full({1, 2, 1}, media, at::kDouble), at::full({1, 1, 1}, 0.1, at::kDouble), decay, exponent,
                        half);
  };
  EXPECT_TRUE(at::equal(run(500).response_ERTC, run(1e9).response_ERTC));
  EXPECT_FALSE(at::equal(run(499).response_ERTC, run(500).response_ERTC));
  EXPECT_NEAR(run(1e9).carry_out_ERC.item<double>(), 50 * (1 - 0.3 * 0.3), 1e-12);
}

TEST(DeviationPenalty, IsTheSumOfSquaresOfTheFirstWeeks) {
  const std::vector<int64_t> weeks{5, 7};
  const std::vector<double> level{0.3, 0.7}, change{11, 13};
  const at::Tensor deviation = normal_tensor({2, 3, 7, 4}, 51, 0.1), mix = normal_tensor({2}, 52);
  const at::Tensor found = deviation_penalty(deviation, weeks, level, change);
  for (int64_t e = 0; e < 2; ++e) {
    const at::Tensor counted = deviation[e].narrow(1, 0, weeks[e]);
    EXPECT_NEAR(
        found[e].item<double>(),
        0.5 * (level[e] * counted.square().sum() + change[e] * counted.diff(1, 1).square().sum()).item<double>(),
        1e-13);
  }
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) { return (deviation_penalty(in[0], weeks, level, change) * mix).sum(); },
      {deviation});
}

TEST(ControlEffect, IsTheProductWithItsCoefficients) {
  const at::Tensor control = normal_tensor({2, 3, 7, 4}, 53), coefficient = normal_tensor({2, 4}, 54),
                   mix = normal_tensor({2, 3, 7}, 55);
  EXPECT_LT((control_effect(control, coefficient) - (control * coefficient.view({2, 1, 1, 4})).sum(-1))
                .abs()
                .max()
                .item<double>(),
            1e-14);
  expect_gradients([&](const std::vector<at::Tensor>& in) { return (control_effect(control, in[0]) * mix).sum(); },
                   {coefficient});
}

TEST(LinearAdstock, HasTheGradientOfItsValues) {
  const int64_t E = 2, R = 3, T = 7, C = 4;
  const at::Tensor media = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  const at::Tensor carry = normal_tensor({E, R, C}, 6).abs(), mix = normal_tensor({E, R, T, C}, 8);
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (linear_adstock(media, scale, in[0], carry).response_ERTC * mix).sum();
      },
      {normal_tensor({E, C}, 9, 0.7).sigmoid()});
}

TEST(LinearAdstock, IsWhatTheHillCurveIsGiven) {
  const int64_t E = 2, R = 3, T = 9, C = 4;
  const at::Tensor media = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  const at::Tensor decay = normal_tensor({E, C}, 9, 0.7).sigmoid(), exponent = at::full({E, C}, 2.5, at::kDouble),
                   log_half = normal_tensor({E, C}, 11, 0.4);
  const auto hill = adstock_hill(media, scale, decay, exponent, log_half);
  const auto linear = linear_adstock(media, scale, decay);
  const at::Tensor curved = (2.5 * ((linear.response_ERTC + 1e-4).log() - log_half.view({E, 1, 1, C}))).sigmoid();
  EXPECT_TRUE(at::allclose(curved, hill.response_ERTC, 1e-10, 1e-12));
  EXPECT_TRUE(at::allclose(linear.carry_out_ERC, hill.carry_out_ERC, 1e-12));
}

TEST(ReachAdstock, CarriesOverReachTimesTheCurveOfItsFrequency) {
  const int64_t E = 2, R = 3, T = 7, C = 2;
  const at::Tensor reach = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  at::Tensor frequency = 1 + normal_tensor({R, T, C}, 12).abs();
  frequency[1][2][0] = 0;  // nobody was reached
  const at::Tensor carry = normal_tensor({E, R, C}, 6).abs(), mix = normal_tensor({E, R, T, C}, 8);
  const at::Tensor decay = normal_tensor({E, C}, 9, 0.7).sigmoid(), exponent = 1 + normal_tensor({E, C}, 10, 0.3).exp(),
                   half = normal_tensor({E, C}, 11, 0.4);
  const auto found = reach_adstock(reach, frequency, scale, decay, exponent, half, carry);
  for (int64_t e = 0; e < E; ++e)
    for (int64_t r = 0; r < R; ++r)
      for (int64_t c = 0; c < C; ++c) {
        const auto of = [&](const at::Tensor& by_EC) { return by_EC[e][c].item<double>(); };
        double carried = carry[e][r][c].item<double>();
        for (int64_t t = 0; t < T; ++t) {
          const double reached = std::min(50.0, reach[r][t][c].item<double>() * scale[e][r][c].item<double>());
          const double ratio = (frequency[r][t][c].item<double>() + 1e-4) / std::exp(of(half));
          carried = of(decay) * carried + (1 - of(decay)) * reached / (1 + std::pow(ratio, -of(exponent)));
          EXPECT_NEAR(found.response_ERTC[e][r][t][c].item<double>(), carried, 1e-12 * (1 + carried));
        }
        EXPECT_NEAR(found.carry_out_ERC[e][r][c].item<double>(), carried, 1e-12 * (1 + carried));
      }
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (reach_adstock(reach, frequency, scale, in[0], in[1], in[2], carry).response_ERTC * mix).sum();
      },
      {decay, exponent, half});
}

TEST(AdstockHill, SplitInTwoGivesTheSameAsInOne) {
  const int64_t E = 2, R = 3, T = 9, C = 4;
  const at::Tensor media = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  const at::Tensor decay = normal_tensor({E, C}, 9, 0.7).sigmoid(), exponent = 2 + normal_tensor({E, C}, 10, 0.3).exp(),
                   half = normal_tensor({E, C}, 11, 0.4);
  const auto whole = adstock_hill(media, scale, decay, exponent, half);
  const auto head = adstock_hill(media.narrow(1, 0, 4), scale, decay, exponent, half);
  const auto tail = adstock_hill(media.narrow(1, 4, T - 4), scale, decay, exponent, half, head.carry_out_ERC);
  EXPECT_TRUE(at::allclose(at::cat({head.response_ERTC, tail.response_ERTC}, 2), whole.response_ERTC, 1e-13, 1e-15));
  EXPECT_TRUE(at::allclose(tail.carry_out_ERC, whole.carry_out_ERC, 1e-13, 1e-15));
}

TEST(AdstockHill, SilentMediaRespondsWithAlmostNothingAndFiniteGradients) {
  at::Tensor decay = at::full({1, 2}, 0.4, at::kDouble).requires_grad_(true),
             exponent = at::full({1, 2}, 2.2, at::kDouble).requires_grad_(true);
  at::Tensor half = at::zeros({1, 2}, at::kDouble).requires_grad_(true);
  const at::Tensor response =
      adstock_hill(at::zeros({3, 5, 2}, at::kDouble), at::ones({1, 3, 2}, at::kDouble), decay, exponent, half)
          .response_ERTC;
  EXPECT_LT(response.max().item<double>(), 1e-8);
  for (const at::Tensor& gradient : torch::autograd::grad({response.sum()}, {decay, exponent, half}))
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(DelayedAdstock, IsTheSumOfItsWeightsAndHasItsGradient) {
  const int64_t E = 2, R = 3, T = 9, C = 2, L = 4;
  const at::Tensor media = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp();
  const at::Tensor history = normal_tensor({E, R, L - 1, C}, 6).abs(), weight = normal_tensor({E, L, C}, 7).exp();
  const at::Tensor adstock = delayed_adstock(media, scale, weight, history).adstock_ERTC;
  // By hand: the history in front of the scaled media, each week the last L of them.
  const at::Tensor all = at::cat({history, (media.unsqueeze(0) * scale.unsqueeze(2)).clamp_max(50)}, 2);
  at::Tensor expected = at::zeros({E, R, T, C}, at::kDouble);
  for (int64_t lag = 0; lag < L; ++lag)
    expected += weight.select(1, lag).unsqueeze(1).unsqueeze(1) * all.narrow(2, L - 1 - lag, T);
  EXPECT_TRUE(at::allclose(adstock, expected, 1e-13, 1e-13));

  const at::Tensor mix = normal_tensor({E, R, T, C}, 8);
  for (const at::Tensor& before : {history, at::Tensor()}) {
    expect_gradients(
        [&](const std::vector<at::Tensor>& in) {
          return (delayed_adstock(media, scale, delayed_weights(in[0], in[1], L), before).adstock_ERTC * mix).sum();
        },
        {normal_tensor({E, C}, 9, 0.7).sigmoid(), normal_tensor({E, C}, 10).abs()});
  }
}

TEST(DelayedAdstock, SplitInTwoGivesTheSameAsInOne) {
  const int64_t E = 2, R = 3, T = 9, C = 2, L = 6;
  const at::Tensor media = raw_media(R, T, C), scale = normal_tensor({E, R, C}, 5, 0.2).exp(),
                   weight = normal_tensor({E, L, C}, 7).exp();
  const auto whole = delayed_adstock(media, scale, weight);
  const auto head = delayed_adstock(media.narrow(1, 0, 3), scale, weight);  // fewer weeks than the weights reach back
  const auto tail = delayed_adstock(media.narrow(1, 3, T - 3), scale, weight, head.history_out_ERLC);
  EXPECT_TRUE(at::allclose(at::cat({head.adstock_ERTC, tail.adstock_ERTC}, 2), whole.adstock_ERTC, 1e-13, 1e-15));
  EXPECT_TRUE(at::equal(tail.history_out_ERLC, whole.history_out_ERLC));
}

TEST(DelayedAdstock, WeightsPeakWhereTheyAreTold) {
  const at::Tensor weight =
      delayed_weights(at::full({1, 2}, 0.5, at::kDouble), at::tensor({0.0, 3.0}, at::kDouble).unsqueeze(0), 8);
  EXPECT_TRUE(at::allclose(weight.sum(1), at::ones({1, 2}, at::kDouble)));
  EXPECT_TRUE(at::equal(weight.argmax(1), at::tensor({0, 3}, at::kLong).unsqueeze(0)));
  // d^((l - peak)^2): next to the peak d times as much, two weeks off d^4.
  EXPECT_NEAR((weight[0][2][1] / weight[0][3][1]).item<double>(), 0.5, 1e-12);
  EXPECT_NEAR((weight[0][2][0] / weight[0][0][0]).item<double>(), 0.0625, 1e-12);
}

void check_channel_effect(int64_t weeks, bool with_deviation) {
  const int64_t E = 2, R = 3, C = 4;
  const at::Tensor mix = normal_tensor({E, R, weeks}, 12);
  std::vector<at::Tensor> inputs{normal_tensor({E, R, weeks, C}, 13).sigmoid(), normal_tensor({E, C}, 14, 2),
                                 normal_tensor({E, R, C}, 15, 0.3)};
  if (with_deviation) inputs.push_back(normal_tensor({E, R, weeks, C}, 16, 0.3));
  expect_gradients(
      [&](const std::vector<at::Tensor>& in) {
        return (channel_effect(in[0], in[1], in[2], with_deviation ? in[3] : at::Tensor()) * mix).sum();
      },
      inputs);
}

TEST(ChannelEffect, HasTheGradientOfItsValues) { check_channel_effect(7, true); }
TEST(ChannelEffect, HasTheGradientOfItsValuesWithoutDeviations) { check_channel_effect(7, false); }
TEST(ChannelEffect, HasTheGradientOfItsValuesInOneWeek) { check_channel_effect(1, true); }

TEST(ChannelEffect, StaysFiniteFarFromZero) {
  const at::Tensor ones = at::ones({1, 1, 1, 2}, at::kFloat);
  const at::Tensor effect =
      channel_effect(ones, at::tensor({-200.0f, 200.0f}).view({1, 2}), at::zeros({1, 1, 2}, at::kFloat), {});
  EXPECT_FLOAT_EQ(effect.item<float>(), 200.0f);
}

// Weights with gaps, some cells weighted down, one region without any cell, another with a single one.
at::Tensor uneven_weights(int64_t members, int64_t regions, int64_t weeks) {
  at::Tensor weight = normal_tensor({members, regions, weeks}, 21).sigmoid();
  weight.masked_fill_(weight > 0.5, 1);
  weight.masked_fill_(normal_tensor({members, regions, weeks}, 22) > 0.7, 0);
  weight.select(1, 0).zero_();
  weight.select(1, 1).zero_();
  weight.select(1, 1).select(1, weeks / 2).fill_(1);
  return weight;
}

TEST(ProfiledLoss, HasTheGradientOfItsValues) {
  const int64_t E = 2, R = 5, T = 12;
  for (const double persistence : {0.95, 1.0}) {
    const at::Tensor target = normal_tensor({E, R, T}, 23, 0.2, 1), weight = uneven_weights(E, R, T),
                     of_region = normal_tensor({E, R}, 24).abs(), stiffness = normal_tensor({E, R}, 29, 5, 20).abs();
    expect_gradients(
        [&](const std::vector<at::Tensor>& in) {
          return (profiled_loss(in[0], target, weight, of_region, stiffness, {persistence, 0.5}) *
                  at::tensor({1.0, -0.7}, at::kDouble))
              .sum();
        },
        {normal_tensor({E, R, T}, 25, 0.3)}, 1000);
  }
}

TEST(ProfiledLoss, TakesATargetOfAnyLayout) {
  const int64_t E = 2, R = 4, T = 6;
  const at::Tensor target = normal_tensor({T, E, R}, 23).permute({1, 2, 0}), effect = normal_tensor({E, R, T}, 25),
                   weight = uneven_weights(E, R, T);
  const at::Tensor of_region = at::ones({E, R}, at::kDouble);
  EXPECT_TRUE(at::equal(profiled_loss(effect, target, weight, of_region, 20 * of_region, {0.95, 0.95}),
                        profiled_loss(effect, target.contiguous(), weight, of_region, 20 * of_region, {0.95, 0.95})));
}

TEST(ProfiledLoss, IgnoresWhatStandsInUnweightedCells) {
  const at::Tensor weight = uneven_weights(1, 4, 8), effect = normal_tensor({1, 4, 8}, 26),
                   of_region = at::ones({1, 4}, at::kDouble);
  const at::Tensor target = normal_tensor({1, 4, 8}, 27);
  const at::Tensor wild = at::where(weight > 0, target, at::full_like(target, std::nan("")));
  EXPECT_TRUE(at::equal(profiled_loss(effect, target, weight, of_region, 20 * of_region, {0.95}),
                        profiled_loss(effect, wild, weight, of_region, 20 * of_region, {0.95})));
}

TEST(SolveBaseline, GivesRegionsWithoutACellNothing) {
  const Baseline baseline = solve_baseline(normal_tensor({2, 3, 6}, 28), uneven_weights(2, 3, 6),
                                           at::full({2, 3}, 20.0, at::kDouble), {0.95, 0.95});
  EXPECT_EQ(baseline.baseline_ERT.select(1, 0).abs().max().item<double>(), 0);
  EXPECT_EQ(baseline.level_ER.select(1, 0).abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace dcmmm
