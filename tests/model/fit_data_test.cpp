// Scales, weights and Huber's refresh. E members, R regions, T weeks.
#include "model/fit_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/fake_ranks.hpp"
#include "tests/model/model_case.hpp"
#include "tests/small_panel.hpp"
#include "tests/thin_panel.hpp"

namespace dcmmm {
namespace {

using testing::mmm_panel;
using testing::ModelCase;
using testing::small_model;

FitData data_of(const Panel& panel, int64_t origin, const ModelOptions& options = small_model(),
                std::vector<std::string>* notes = nullptr) {
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(testing::observed_cells(panel), 0, 1, 64, false), *alone);
  return make_fit_data(panel, {member_of(options, origin, 1)}, at::kDouble, loop, notes);
}

bool any_note(const std::vector<std::string>& notes, const std::string& part) {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

TEST(FitData, RegionsWithoutAUsableHistoryWeighNothingAndAreNamed) {
  Panel panel = mmm_panel(5, 30, 2, 1);
  for (int64_t t = 0; t < 30; ++t) {
    if (t >= 3) panel.observed_RT[2 * 30 + t] = t >= 24;  // three training weeks at the most
    panel.target_RT[4 * 30 + t] = t >= 24 ? 5 : 0;        // sums to zero
  }
  std::vector<std::string> notes;
  const FitData data = data_of(panel, 24, small_model(), &notes);
  EXPECT_EQ(data.region_weight_ER[0][2].item<double>(), 0);
  EXPECT_EQ(data.region_weight_ER[0][4].item<double>(), 0);
  EXPECT_EQ(data.cell_weight_ERT[0][2].sum().item<double>(), 0);
  EXPECT_EQ(data.cell_weight_ERT[0][4].sum().item<double>(), 0);
  EXPECT_GT(data.region_weight_ER[0][0].item<double>(), 0);
  EXPECT_TRUE(any_note(notes, "r2"));
  EXPECT_TRUE(any_note(notes, "r4"));
  EXPECT_FALSE(any_note(notes, "r0"));
}

TEST(FitData, FourWeeksAreAHistory) {
  Panel panel = mmm_panel(5, 30, 2, 1);
  for (int64_t t = 0; t < 30; ++t) {
    panel.observed_RT[30 * 2 + t] = t < 4;
    panel.target_RT[30 * 2 + t] = 7;
  }
  EXPECT_GT(data_of(panel, 24).region_weight_ER[0][2].item<double>(), 0);
}

TEST(FitData, WeightsHaveMeanOneOverUsableCells) {
  const FitData data = data_of(mmm_panel(6, 40, 2, 1), 32);
  EXPECT_NEAR((data.region_weight_ER[0].unsqueeze(1) * data.cell_weight_ERT[0]).sum().item<double>(), data.cells_E[0],
              1e-9 * data.cells_E[0]);
}

// Unusable regions: too little history, or a total (of returns, say) that is far below 0.
TEST(FitData, RegionsThatCannotBeUsedHaveNoSayInTheOthersScalesAndWeights) {
  Panel without = mmm_panel(6, 40, 2, 1);
  for (int64_t t = 0; t < 40; ++t) without.observed_RT[4 * 40 + t] = without.observed_RT[5 * 40 + t] = 0;
  Panel with = mmm_panel(6, 40, 2, 1);
  for (int64_t t = 0; t < 40; ++t) {
    with.observed_RT[4 * 40 + t] = t < 3;
    with.target_RT[5 * 40 + t] = -1e9;
    with.controls_RTK[5 * 40 + t] *= 100;
  }
  for (const MediaUnit unit : {MediaUnit::kRegion, MediaUnit::kTarget, MediaUnit::kPopulation}) {
    ModelOptions options = small_model();
    options.media_unit = unit;
    std::vector<std::string> notes;
    const FitData found = data_of(with, 32, options, &notes), expected = data_of(without, 32, options);
    const auto usable = [](const at::Tensor& by_region) { return by_region.narrow(1, 0, 4); };
    EXPECT_TRUE(at::equal(found.region_weight_ER, expected.region_weight_ER));
    EXPECT_GT(usable(found.region_weight_ER).min().item<double>(), 0);
    EXPECT_TRUE(at::equal(usable(found.inverse_media_scale_ERC), usable(expected.inverse_media_scale_ERC)));
    EXPECT_TRUE(at::equal(usable(found.inverse_control_scale_ERK), usable(expected.inverse_control_scale_ERK)));
    EXPECT_EQ(found.cells_E, expected.cells_E);
    EXPECT_EQ(found.cells_E[0], (found.cell_weight_ERT > 0).sum().item<double>());
    EXPECT_EQ(found.national_target_scale_E, expected.national_target_scale_E);
    EXPECT_EQ(notes.size(), 2u);
    EXPECT_TRUE(any_note(notes, "Region r4 has 3 observed") && any_note(notes, "Region r5 has "));
  }
}

TEST(FitData, IsFiniteWithoutAnyUsableRegion) {
  Panel panel = mmm_panel(3, 30, 2, 1);
  std::fill(panel.target_RT.begin(), panel.target_RT.end(), 0.0);
  ModelCase fit(panel, small_model(), {{24, 1}});
  EXPECT_EQ(fit.data.region_weight_ER.abs().max().item<double>(), 0);
  EXPECT_TRUE(fit.data.inverse_media_scale_ERC.isfinite().all().item<bool>());
  EXPECT_TRUE(fit.data.inverse_control_scale_ERK.isfinite().all().item<bool>());
  const ChunkLoss loss = fit.model.chunk_loss(fit.data, fit.anchor, fit.shared_EP, fit.local_ERL, fit.all());
  EXPECT_TRUE(loss.total_E.isfinite().all().item<bool>());
}

TEST(FitData, NothingOutsideTheTrainingWeeksChangesScales) {
  Panel panel = mmm_panel(6, 40, 2, 2);
  const FitData before = data_of(panel, 32);
  for (int64_t r = 0; r < 6; ++r)
    for (int64_t t = 32; t < 40; ++t) {
      panel.target_RT[r * 40 + t] *= 17;
      for (int64_t c = 0; c < 2; ++c) panel.media_RTC[(r * 40 + t) * 2 + c] = 1e6;
      for (int64_t k = 0; k < 2; ++k) panel.controls_RTK[(r * 40 + t) * 2 + k] = -1e6;
    }
  const FitData after = data_of(panel, 32);
  EXPECT_TRUE(at::equal(before.target_scale_ER, after.target_scale_ER));
  EXPECT_TRUE(at::equal(before.inverse_media_scale_ERC, after.inverse_media_scale_ERC));
  EXPECT_TRUE(at::equal(before.control_mean_ERK, after.control_mean_ERK));
  EXPECT_TRUE(at::equal(before.inverse_control_scale_ERK, after.inverse_control_scale_ERK));
  EXPECT_TRUE(at::equal(before.cell_weight_ERT, after.cell_weight_ERT));
  EXPECT_TRUE(at::equal(before.region_weight_ER, after.region_weight_ER));
}

TEST(FitData, MediaPerSizeHaveTheNationsMeanOneAndKeepRegionsApart) {
  const Panel panel = mmm_panel(6, 40, 2, 1);
  for (const MediaUnit unit : {MediaUnit::kTarget, MediaUnit::kPopulation}) {
    ModelOptions options = small_model();
    options.media_unit = unit;
    const FitData data = data_of(panel, 32, options);
    for (int64_t c = 0; c < 2; ++c) {
      double media = 0, sizes = 0;
      const auto size_of = [&](int64_t r) {
        return unit == MediaUnit::kTarget ? data.target_scale_ER[0][r].item<double>() : panel.population_R[r];
      };
      for (int64_t r = 0; r < 6; ++r)
        for (int64_t t = 0; t < 32; ++t)
          if (panel.observed_RT[r * 40 + t] != 0) {
            media += panel.media_RTC[(r * 40 + t) * 2 + c];
            sizes += size_of(r);
          }
      for (int64_t r = 0; r < 6; ++r)
        EXPECT_NEAR(data.inverse_media_scale_ERC[0][r][c].item<double>() * size_of(r) * media / sizes, 1.0, 1e-12);
    }
  }
}

TEST(FitData, ControlsKeepTheirDigitsFarFromZero) {
  Panel panel = mmm_panel(4, 40, 1, 1), far = panel;
  for (double& value : far.controls_RTK) value += 1e7;
  const at::Tensor near_scaled = data_of(panel, 32).scaled_controls({0, 4}, 40),
                   far_scaled = data_of(far, 32).scaled_controls({0, 4}, 40);
  EXPECT_TRUE(at::allclose(far_scaled, near_scaled, 0, 1e-6));
}

TEST(FitData, ASilentChannelIsNamedAndHasNoEffect) {
  Panel panel = mmm_panel(5, 40, 3, 1);
  for (int64_t cell = 0; cell < 5 * 40; ++cell)
    if (cell % 40 < 32) panel.media_RTC[cell * 3 + 1] = 0;  // it starts in the holdout
  ModelCase fit(panel, small_model(), {{32, 1}});
  std::vector<std::string> notes;
  data_of(panel, 32, small_model(), &notes);
  EXPECT_TRUE(any_note(notes, "channel 1"));
  EXPECT_EQ(fit.data.inverse_media_scale_ERC.select(2, 1).abs().max().item<double>(), 0);
  const Effects effects = fit.model.effects(fit.data, fit.shared_EP, fit.local_ERL, fit.all(), 40);
  EXPECT_LT(effects.response_ERTC.select(3, 1).max().item<double>(), 1e-6);
  EXPECT_TRUE(effects.total().isfinite().all().item<bool>());
}

// The robust standard deviation over all cells, straight from its definition.
at::Tensor expected_weights(const ModelCase& fit, int64_t e) {
  const at::Tensor total = fit.model.effects(fit.data, fit.shared_EP, fit.local_ERL, fit.all(), fit.data.weeks).total();
  const at::Tensor residual = fit.data.scaled_target(fit.all(), fit.data.weeks) - total -
                              fit.model.baseline(fit.data, total, fit.all()).baseline_ERT;
  std::vector<double> magnitudes;
  const at::Tensor weight = fit.data.cell_weight_ERT;
  for (int64_t r = 0; r < fit.data.regions; ++r)
    for (int64_t t = 0; t < fit.data.weeks; ++t)
      if (weight[e][r][t].item<double>() > 0) magnitudes.push_back(std::abs(residual[e][r][t].item<double>()));
  std::sort(magnitudes.begin(), magnitudes.end());
  const double sd = 1.4826 * magnitudes[(magnitudes.size() - 1) / 2];
  at::Tensor out = at::zeros_like(weight[e]);
  for (int64_t r = 0; r < fit.data.regions; ++r)
    for (int64_t t = 0; t < fit.data.weeks; ++t)
      if (weight[e][r][t].item<double>() > 0)
        out[r][t] = std::min(1.0, fit.options.huber_delta * sd / std::abs(residual[e][r][t].item<double>()));
  return out;
}

void refresh(const Mmm& model, FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
             const RegionLoop& loop) {
  model.refresh_cell_weights(data, model.residuals(data, shared_EP, local_ERL, loop), loop);
}

TEST(FitData, IsTheSameOfAPanelThatIsReadInBlocks) {
  const Panel panel = mmm_panel(6, 40, 3, 2);
  ModelCase held(panel, small_model(), {{34, 1}, {27, 2}}, at::kFloat),
      read(testing::thin_panel(panel), small_model(), {{34, 1}, {27, 2}}, at::kFloat);
  EXPECT_TRUE(at::equal(held.data.media_RTC, read.data.media_RTC));
  EXPECT_TRUE(at::equal(held.data.control_RTK, read.data.control_RTK));
  EXPECT_TRUE(at::equal(held.data.inverse_media_scale_ERC, read.data.inverse_media_scale_ERC));
  EXPECT_TRUE(at::equal(held.data.control_mean_ERK, read.data.control_mean_ERK));
  EXPECT_TRUE(at::equal(held.data.inverse_control_scale_ERK, read.data.inverse_control_scale_ERK));
  EXPECT_TRUE(at::equal(held.data.region_weight_ER, read.data.region_weight_ER));
  EXPECT_TRUE(at::equal(held.shared_EP, read.shared_EP));
}

TEST(RefreshCellWeights, AreHubersOverAllCells) {
  ModelCase fit(mmm_panel(6, 40, 2, 1), small_model(), {{34, 1}, {27, 2}});
  for (int round = 0; round < 2; ++round) {  // a second time from weights that are no longer 0 and 1
    const at::Tensor expected[] = {expected_weights(fit, 0), expected_weights(fit, 1)};
    refresh(fit.model, fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
    for (int64_t e = 0; e < 2; ++e) {
      EXPECT_TRUE(at::allclose(fit.data.cell_weight_ERT[e], expected[e], 1e-10, 0));
      EXPECT_EQ(fit.data.cell_weight_ERT[e]
                    .narrow(1, fit.data.members[e].origin, 40 - fit.data.members[e].origin)
                    .sum()
                    .item<double>(),
                0);
      EXPECT_LT(fit.data.cell_weight_ERT[e].max().item<double>(), 1 + 1e-12);
    }
    EXPECT_GT((fit.data.cell_weight_ERT.lt(0.99) & fit.data.cell_weight_ERT.gt(0)).sum().item<int64_t>(), 3);
  }
}

TEST(RefreshCellWeights, DoNotDependOnTheRanks) {
  ModelCase whole(mmm_panel(7, 40, 2, 1), small_model(), {{34, 1}});
  refresh(whole.model, whole.data, whole.shared_EP, whole.local_ERL, whole.loop);
  for (const int ranks : {2, 3, 9}) {
    std::vector<at::Tensor> parts(static_cast<size_t>(ranks));
    on_fake_ranks(ranks, [&](Communicator& communicator) {
      const RegionPlan plan = plan_regions(testing::observed_cells(whole.panel), communicator.rank(), ranks, 2, false);
      const Panel part = testing::part_of(whole.panel, plan.first_region, plan.regions);
      const RegionLoop loop(plan, communicator);
      FitData data = make_fit_data(part, {member_of(whole.options, 34, 1)}, at::kDouble, loop);
      refresh(whole.model, data, whole.shared_EP, whole.local_ERL.narrow(1, plan.first_region, plan.regions), loop);
      parts[static_cast<size_t>(communicator.rank())] = data.cell_weight_ERT;
    });
    EXPECT_TRUE(at::allclose(at::cat(parts, 1), whole.data.cell_weight_ERT, 1e-10, 0)) << ranks << " ranks";
  }
}

TEST(RefreshCellWeights, LeaveTheWeightsOfASquaredLossAlone) {
  ModelOptions options = small_model();
  options.huber_delta = 0;
  ModelCase fit(mmm_panel(4, 30, 2, 1), options, {member_of(options, 26, 1)});
  const at::Tensor before = fit.data.cell_weight_ERT.clone();
  refresh(fit.model, fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
  EXPECT_TRUE(at::equal(before, fit.data.cell_weight_ERT));
}

TEST(RefreshCellWeights, KeepEveryWeightWhenMostResidualsAreZero) {
  // Constant targets leave nothing: there is no scale to judge outliers by.
  Panel panel = mmm_panel(4, 30, 1, 0);
  for (double& target : panel.target_RT) target = 100;
  for (double& media : panel.media_RTC) media = 0;
  ModelOptions options = small_model();
  options.gru = false;
  options.harmonics = 0;
  ModelCase fit(panel, options, {{26, 1}});
  fit.local_ERL.zero_();
  const at::Tensor before = fit.data.cell_weight_ERT.clone();
  fit.data.target_RT[0][3] = 180;
  refresh(fit.model, fit.data, fit.shared_EP, fit.local_ERL, fit.loop);
  EXPECT_GT(fit.data.cell_weight_ERT.sum().item<double>(), 0.5 * before.sum().item<double>());
}

TEST(Members, HaveSettingsOfTheirOwn) {
  // Two members of one batch against each fitted alone.
  const Panel panel = mmm_panel(6, 40, 2, 1);
  ModelOptions other = small_model();
  other.stiffness = 3;
  other.persistence = 0.8;
  other.size_power = 0.5;
  other.ridge = 60;
  other.ridge_media = 2;
  other.decay = 0.2;
  other.exponent = 3.1;
  other.half_saturation = 1.6;
  const Member members[] = {member_of(small_model(), 34, 1), member_of(other, 34, 2)};
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(testing::observed_cells(panel), 0, 1, 4, false), *alone);
  const Mmm model(small_model(), seasonal_period(panel.coordinates.step), 2, 1);
  const auto fitted = [&](const std::vector<Member>& batch) {
    const FitData data = make_fit_data(panel, batch, at::kDouble, loop);
    at::Tensor shared = initial_shared(model.layout(), model.options(), batch);
    const Anchor anchor = model.closed_form(data, shared, loop);
    const at::Tensor local = at::zeros({data.member_count(), panel.regions, model.layout().local_count()}, at::kDouble);
    const ChunkLoss loss = model.chunk_loss(data, anchor, shared, local, {0, panel.regions});
    return at::cat({shared, loss.total_E.unsqueeze(1), model.shared_penalty(data, anchor, shared).unsqueeze(1)}, 1);
  };
  const at::Tensor batch = fitted({members[0], members[1]});
  EXPECT_TRUE(at::allclose(batch[0], fitted({members[0]})[0], 1e-12, 1e-14));
  EXPECT_TRUE(at::allclose(batch[1], fitted({members[1]})[0], 1e-12, 1e-14));
  EXPECT_FALSE(at::allclose(batch[0], batch[1], 0.05, 0.05));
}

TEST(Members, ArePulledTowardsTheirMediaPrior) {
  const Panel panel = mmm_panel(6, 40, 2, 1);
  Member member = member_of(small_model(), 34, 1);
  member.media_prior = 0.4;
  member.ridge_media = 1e9;  // nothing but the prior
  const auto alone = make_local_communicator();
  const RegionLoop loop(plan_regions(testing::observed_cells(panel), 0, 1, 4, false), *alone);
  const Mmm model(small_model(), seasonal_period(panel.coordinates.step), 2, 1);
  const FitData data = make_fit_data(panel, {member}, at::kDouble, loop);
  at::Tensor shared = initial_shared(model.layout(), model.options(), {member});
  model.closed_form(data, shared, loop);
  const at::Tensor local = at::zeros({1, panel.regions, model.layout().local_count()}, at::kDouble);
  const Effects effects = model.effects(data, shared, local, {0, panel.regions}, 34);
  const at::Tensor counted = data.cell_weight_ERT.narrow(2, 0, 34) > 0;
  const at::Tensor beta = at::softplus(model.layout().view(shared, "coefficient.log_mean"))[0];
  for (int64_t c = 0; c < 2; ++c) {
    const double response = effects.response_ERTC.select(3, c).masked_select(counted).mean().item<double>();
    EXPECT_NEAR(beta[c].item<double>() * response, 0.2, 1e-6);  // the target's mean is 1
  }
}

TEST(Bootstrap, WeighsRegionsAndBlocksOfWeeksAlikeOnAnyRanks) {
  const Panel panel = mmm_panel(7, 40, 2, 1);
  Member member = member_of(small_model(), 34, 1);
  member.bootstrap_seed = 5;
  const auto data_on = [&](const Panel& part, const RegionPlan& plan, Communicator& communicator) {
    return make_fit_data(part, {member}, at::kDouble, RegionLoop(plan, communicator));
  };
  const auto alone = make_local_communicator();
  const FitData whole = data_on(panel, plan_regions(testing::observed_cells(panel), 0, 1, 4, false), *alone);
  std::vector<at::Tensor> regions(3), cells(3);
  on_fake_ranks(3, [&](Communicator& communicator) {
    const RegionPlan plan = plan_regions(testing::observed_cells(panel), communicator.rank(), 3, 2, false);
    const FitData data = data_on(testing::part_of(panel, plan.first_region, plan.regions), plan, communicator);
    regions[static_cast<size_t>(communicator.rank())] = data.region_weight_ER;
    cells[static_cast<size_t>(communicator.rank())] = data.cell_weight_ERT;
  });
  EXPECT_TRUE(at::allclose(at::cat(regions, 1), whole.region_weight_ER, 1e-12, 0));
  EXPECT_TRUE(at::equal(at::cat(cells, 1), whole.cell_weight_ERT));

  const FitData plain = data_of(panel, 34);
  const at::Tensor counted = plain.cell_weight_ERT > 0, week_weight = whole.cell_weight_ERT.amax({0, 1});
  EXPECT_TRUE(at::equal(counted, whole.cell_weight_ERT > 0));
  EXPECT_TRUE(at::equal(week_weight.narrow(0, 8, 8), week_weight[8].expand({8})));
  EXPECT_NE(week_weight[7].item<double>(), week_weight[8].item<double>());
  // The regions' weights keep their mean over cells, and are exponential: their ratios to the plain ones differ.
  const at::Tensor of_cells = counted.to(at::kDouble).sum(2);
  EXPECT_NEAR((whole.region_weight_ER * of_cells).sum().item<double>(), of_cells.sum().item<double>(), 1e-9);
  const at::Tensor ratio = whole.region_weight_ER / plain.region_weight_ER;
  EXPECT_GT((ratio.max() / ratio.min()).item<double>(), 2);
}

}  // namespace
}  // namespace dcmmm
