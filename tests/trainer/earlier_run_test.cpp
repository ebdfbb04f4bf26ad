// Starting from an earlier run on more weeks and regions. E members, R regions, T weeks.
#include "trainer/earlier_run.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "common/errors.hpp"
#include "model/closed_form.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/trainer/fit_case.hpp"
#include "trainer/fit_checkpoint.hpp"
#include "trainer/likelihood_run.hpp"

namespace dcmmm {
namespace {

using testing::first_weeks;
using testing::FitCase;
using ::testing::HasSubstr;
using testing::mmm_panel;
using testing::observed_cells;
using testing::quick_model;
using testing::quick_trainer;
using testing::TemporaryFolder;

constexpr int64_t kWeeks = 60, kNewWeeks = 4;

// The regions of `panel` at these places, in this order.
Panel with_regions(const Panel& panel, const std::vector<int64_t>& places) {
  Panel out = slice_regions(panel, 0, 0);
  out.coordinates.regions.clear();
  for (const int64_t place : places) {
    const Panel one = slice_regions(panel, place, 1);
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    append(out.target_RT, one.target_RT);
    append(out.observed_RT, one.observed_RT);
    append(out.media_RTC, one.media_RTC);
    append(out.controls_RTK, one.controls_RTK);
    append(out.population_R, one.population_R);
    out.coordinates.regions.push_back(panel.coordinates.regions[static_cast<size_t>(place)]);
  }
  out.first_region = 0;
  out.regions = static_cast<int64_t>(places.size());
  return out;
}

struct Earlier {
  TemporaryFolder folder;
  Panel all = mmm_panel(6, kWeeks + kNewWeeks, 3, 2);
  std::filesystem::path path = folder.path() / "step.h5";

  void write(const Fit& fit, Communicator& alone) { write_checkpoint(path, make_checkpoint(fit, "", ""), alone); }
};

TEST(EarlierRun, GivesKnownRegionsTheirOwnValuesAndNewOnesTheSharedOnes) {
  Earlier earlier;
  FitCase before(first_weeks(with_regions(earlier.all, {0, 1, 2, 4}), kWeeks), quick_model(), quick_trainer(), kWeeks,
                 {1, 2});
  train(*before.fit, {});
  earlier.write(*before.fit, *before.alone);
  // Region 3 is new, the others stand elsewhere, and of two members more the last has none before it.
  FitCase now(with_regions(earlier.all, {4, 3, 1, 2}), quick_model(), quick_trainer(), kWeeks + kNewWeeks, {1, 2, 3});
  const EarlierRun found = read_earlier_run(earlier.path, *now.panel, kWeeks + kNewWeeks);
  EXPECT_EQ(found.new_regions, 1);
  EXPECT_EQ(describe(found, *now.panel), "60 weeks, trained on the first 60; 4 more weeks now, 1 new region");
  start_from(found, *now.fit);
  const std::vector<std::pair<int64_t, int64_t>> places = {{0, 3}, {2, 1}, {3, 2}};
  for (const auto& [m, from] : std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {1, 1}, {2, 0}}) {
    const auto departure = [](const Fit& fit, int64_t member) {
      return (fit.state.shared_EP - fit.anchor.prior_center_EP)[member];
    };
    for (const ParameterSlice& slice : now.fit->model.layout().shared()) {
      const auto view = [&](const at::Tensor& buffer) { return now.fit->model.layout().view(buffer, slice.name); };
      // Coefficients keep their distance to the closed form, everything else its value.
      if (slice.name == "coefficient.log_mean")
        EXPECT_LT((view(departure(*now.fit, m)) - view(departure(*before.fit, from))).abs().max().item<double>(),
                  1e-12);
      else
        EXPECT_TRUE(at::equal(view(now.fit->state.shared_EP[m]), view(before.fit->state.shared_EP[from])))
            << slice.name << " of member " << m;
    }
    for (const auto& [r, row] : places)
      EXPECT_TRUE(at::equal(now.fit->state.local_ERL[m][r], before.fit->state.local_ERL[from][row])) << "region " << r;
    EXPECT_EQ(now.fit->state.local_ERL[m][1].abs().max().item<double>(), 0);
  }
  EXPECT_GT(before.fit->state.local_ERL.abs().max().item<double>(), 0) << "zeros everywhere would prove nothing";
  EXPECT_LT(now.fit->data.cell_weight_ERT[0].narrow(1, kWeeks, kNewWeeks).min().item<double>(), 1)
      << "Huber's weights follow from the start";
}

TEST(EarlierRun, GoesOnAtThePlaceWhereTheDescentEnded) {
  Earlier earlier;
  const Panel panel = first_weeks(earlier.all, kWeeks);
  FitCase before(panel, quick_model(), quick_trainer(60), kWeeks, {1});
  train(*before.fit, {});
  earlier.write(*before.fit, *before.alone);
  FitCase now(panel, quick_model(), quick_trainer(1), kWeeks, {1});
  start_from(read_earlier_run(earlier.path, *now.panel, kWeeks), *now.fit);
  train(*now.fit, {});
  // Not to the digit: the earlier descent ended under Huber's weights of its third quarter.
  EXPECT_NEAR(now.fit->history[0].loss, before.fit->history.back().loss, 0.05 * before.fit->history.back().loss);
  EXPECT_GT(before.fit->history[0].loss, 1.1 * before.fit->history.back().loss) << "the start should be far off";
}

TEST(EarlierRun, CarriesDeparturesFromTheClosedFormToItsNewPlace) {
  Earlier earlier;
  const Panel panel = first_weeks(earlier.all, kWeeks);
  const auto log_mean = [](const Fit& fit, const at::Tensor& buffer) {
    return fit.model.layout().view(buffer, "coefficient.log_mean")[0];
  };
  const double zero = std::log(std::expm1(kCoefficientFloor));
  FitCase before(panel, quick_model(), quick_trainer(0), kWeeks, {1});
  log_mean(*before.fit, before.fit->anchor.prior_center_EP).copy_(at::tensor({zero, -1.0, -2.0}, at::kDouble));
  log_mean(*before.fit, before.fit->state.shared_EP).copy_(at::tensor({zero, -1.5, -1.75}, at::kDouble));
  earlier.write(*before.fit, *before.alone);
  FitCase now(panel, quick_model(), quick_trainer(0), kWeeks, {1});
  log_mean(*now.fit, now.fit->anchor.prior_center_EP).copy_(at::tensor({-3.0, zero, -8.0}, at::kDouble));
  start_from(read_earlier_run(earlier.path, *now.panel, kWeeks), *now.fit);
  const at::Tensor expected = at::tensor({-3.0, zero - 0.5, -7.75}, at::kDouble);
  EXPECT_LT((log_mean(*now.fit, now.fit->state.shared_EP) - expected).abs().max().item<double>(), 1e-12);
}

TEST(EarlierRun, RefusesPanelsThatDontContinueTheEarlierOne) {
  Earlier earlier;
  FitCase before(first_weeks(earlier.all, kWeeks), quick_model(), quick_trainer(1), kWeeks - 8, {1});
  earlier.write(*before.fit, *before.alone);
  const auto expect_refusal = [&](const Panel& panel, int64_t origin, const char* part) {
    try {
      read_earlier_run(earlier.path, panel, origin);
      FAIL() << "accepted; expected a complaint about " << part;
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(part));
    }
  };
  Panel renamed = earlier.all;
  renamed.coordinates.channels[1] = "radio";
  expect_refusal(renamed, kWeeks, "other channels than the run of run.init. It lacks channel 1. It adds radio.");
  Panel turned = earlier.all;
  std::swap(turned.coordinates.channels[0], turned.coordinates.channels[2]);
  expect_refusal(turned, kWeeks, "Their order is channel 2, channel 1, channel 0");
  Panel other_control = earlier.all;
  other_control.coordinates.controls[0] = "price";
  expect_refusal(other_control, kWeeks, "other controls");
  expect_refusal(slice_weeks(earlier.all, 3, kWeeks), kWeeks, "begins with week 3, that of run.init with 0");
  expect_refusal(earlier.all, kWeeks - 9,
                 "trained on the first 52 weeks, but this run holds out all weeks after the "
                 "first 51");
  EXPECT_EQ(read_earlier_run(earlier.path, earlier.all, kWeeks - 8).new_regions, 0);

  ModelOptions wider = quick_model();
  wider.hidden = 7;
  FitCase other(earlier.all, wider, quick_trainer(1), kWeeks, {1});
  EXPECT_THROW(start_from(read_earlier_run(earlier.path, *other.panel, kWeeks), *other.fit), UserError);
  EXPECT_THROW(likelihood_start(read_earlier_run(earlier.path, earlier.all, kWeeks), kWeeks), UserError);
}

TEST(EarlierRun, ShortensTheSearchOfTheLikelihood) {
  Earlier earlier;
  const auto alone = make_local_communicator();
  LikelihoodOptions options;
  const ModelOptions model = options_of_likelihood(quick_model(), options);
  const auto fit = [&](const Panel& panel, const LikelihoodStart* start) {
    return fit_by_likelihood(panel, model, options, quick_trainer(), panel.weeks(), {std::nullopt},
                             plan_regions(observed_cells(panel), 0, 1, 64, false), *alone, {}, start);
  };
  const Panel past = first_weeks(with_regions(earlier.all, {0, 1, 2, 4, 5}), kWeeks);
  const auto before = fit(past, nullptr);
  earlier.write(*before, *alone);
  const EarlierRun found = read_earlier_run(earlier.path, earlier.all, kWeeks + kNewWeeks);
  const LikelihoodStart start = likelihood_start(found, earlier.all.weeks());
  EXPECT_EQ(start.components, before->likelihood->estimate.components.value);
  EXPECT_EQ(start.shape_coordinates, before->likelihood->members[0].mode.shapes.coordinates);
  EXPECT_EQ(start.error_scale_R[3], 1.0);
  EXPECT_EQ(start.error_scale_R[4], before->likelihood->data.error_scale_R[3]);

  const auto whole = fit(earlier.all, nullptr), update = fit(earlier.all, &start);
  // 8 evaluations, each with a pass for every component that changes a region's covariance.
  EXPECT_LE(update->likelihood->estimate.evaluations, 1 + 8 * 8);
  const Eigen::VectorXd moved =
      update->likelihood->members[0].mode.linear.head(3) - whole->likelihood->members[0].mode.linear.head(3);
  EXPECT_LT(moved.cwiseAbs().maxCoeff(), 0.02);
}

}  // namespace
}  // namespace dcmmm
