// Fits over the ranks against the same fit in one process, which every rank runs for itself.
// E members, R regions, T weeks.
#include <gtest/gtest.h>

#include <limits>

#include "graph/learn_graph.hpp"
#include "tests/distributed/world.hpp"
#include "tests/mmm_panel.hpp"
#include "tests/small_panel.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {
namespace {

using testing::mmm_panel;
using testing::observed_cells;
using testing::part_of;
using testing::world;

constexpr int64_t kWeeks = 44, kOrigin = 36;

ModelOptions small_model() {
  ModelOptions options;
  options.hidden = 6;
  return options;
}

TrainerOptions trainer_options(int64_t steps) {
  TrainerOptions options;
  options.steps = steps;
  options.validate_every = 7;
  options.checkpoint_every = 0;
  return options;
}

struct RankFit {
  Panel part;
  std::unique_ptr<Fit> fit;

  RankFit(const Panel& panel, const TrainerOptions& options, const std::vector<uint64_t>& seeds,
          Communicator& communicator, const ModelOptions& model = small_model()) {
    RegionPlan plan = plan_regions(observed_cells(panel), communicator.rank(), communicator.size(),
                                   options.region_chunk > 0 ? options.region_chunk : 64, options.deterministic);
    part = part_of(panel, plan.first_region, plan.regions);
    fit = prepare_fit(part, model, options, kOrigin, seeds, std::move(plan), communicator);
  }
  RankFit(const RankFit&) = delete;
};

// A tensor's rows of this rank's regions, of one over all regions [E, R, ...].
at::Tensor rows_of(const at::Tensor& of_all, const Fit& fit) {
  return of_all.narrow(1, fit.loop.plan().first_region, fit.panel.regions);
}

void compare_with_one_process(int64_t regions, TrainerOptions options, const std::vector<uint64_t>& seeds,
                              const ModelOptions& model = small_model()) {
  at::set_num_threads(1);
  const Panel panel = mmm_panel(regions, kWeeks, 3, 2);
  const auto alone = make_local_communicator();
  RankFit expected(panel, options, seeds, *alone, model);
  options.region_chunk = 2;
  RankFit found(panel, options, seeds, world(), model);
  JointGraph expected_graph(expected.part, {}, kOrigin, 1, expected.fit->loop),
      found_graph(found.part, {}, kOrigin, 1, found.fit->loop);
  train(*expected.fit, {}, expected_graph.term());
  train(*found.fit, {}, found_graph.term());
  if (expected_graph.term() != nullptr) {
    EXPECT_LT((expected_graph.term()->descent().weight_PC() - found_graph.term()->descent().weight_PC())
                  .cwiseAbs()
                  .maxCoeff(),
              1e-10);
  }
  ASSERT_EQ(found.fit->history.size(), expected.fit->history.size());
  for (size_t i = 0; i < expected.fit->history.size(); ++i) {
    const HistoryRow &row = found.fit->history[i], &other = expected.fit->history[i];
    ASSERT_NEAR(row.loss, other.loss, 1e-10 * std::abs(other.loss)) << "step " << i + 1;
    if (!std::isnan(other.validation_rmse)) {
      ASSERT_NEAR(row.validation_rmse, other.validation_rmse, 1e-8 * other.validation_rmse);
    }
  }
  EXPECT_EQ(found.fit->naive_rmse_E.size(), expected.fit->naive_rmse_E.size());
  if (found.part.regions == 0) return;
  // In units of the region's mean target.
  const at::Tensor whole = scaled_prediction(*expected.fit, {0, regions}, kWeeks),
                   mine = scaled_prediction(*found.fit, {0, found.part.regions}, kWeeks);
  EXPECT_LT((mine - rows_of(whole, *found.fit)).abs().max().item<double>(), 1e-6);
}

TEST(DistributedFit, HasTheLossesAndPredictionsOfOneProcess) {
  TrainerOptions options = trainer_options(50);
  options.float64 = true;
  compare_with_one_process(11, options, {1});
  compare_with_one_process(7, options, {1, 2});
}

TEST(DistributedFit, HasTheSameWithLiftTestsAndPriors) {
  TrainerOptions options = trainer_options(30);
  options.float64 = true;
  ModelOptions model = small_model();
  model.knowledge.experiments = {{"north", 0, {0, 1, 4, 7}, 5, 20, 300.0, 30.0},
                                 {"late", 1, {2, 3, 8, 9, 10}, 20, kOrigin - 1, 200.0, 40.0}};
  model.knowledge.channels.assign(3, {});
  model.knowledge.channels[2].decay = GaussianPrior{0.6, 0.05};
  model.knowledge.control_signs = {-1, 0};
  compare_with_one_process(11, options, {1, 2}, model);
}

TEST(DistributedFit, WorksWithFewerRegionsThanRanks) {
  TrainerOptions options = trainer_options(10);
  options.float64 = true;
  compare_with_one_process(2, options, {1});
  compare_with_one_process(1, options, {1});
}

void expect_equal_bits(int64_t regions, bool float64, int64_t steps) {
  const Panel panel = mmm_panel(regions, kWeeks, 3, 2);
  TrainerOptions options = trainer_options(steps);
  options.deterministic = true;
  options.float64 = float64;
  at::set_num_threads(1);
  const auto alone = make_local_communicator();
  RankFit expected(panel, options, {1, 2}, *alone);
  train(*expected.fit, {});
  for (const int threads : {1, 2}) {
    SCOPED_TRACE(::testing::Message() << regions << " regions, " << threads << " threads");
    at::set_num_threads(threads);
    options.region_chunk = threads;
    RankFit found(panel, options, {1, 2}, world());
    train(*found.fit, {});
    at::set_num_threads(1);
    EXPECT_TRUE(at::equal(found.fit->state.shared_EP, expected.fit->state.shared_EP));
    EXPECT_TRUE(at::equal(found.fit->state.local_ERL, rows_of(expected.fit->state.local_ERL, *found.fit)));
    EXPECT_TRUE(at::equal(found.fit->data.cell_weight_ERT, rows_of(expected.fit->data.cell_weight_ERT, *found.fit)));
    EXPECT_EQ(found.fit->stopping.best_rmse_E, expected.fit->stopping.best_rmse_E);
    ASSERT_EQ(found.fit->history.size(), expected.fit->history.size());
    for (size_t i = 0; i < expected.fit->history.size(); ++i)
      ASSERT_EQ(found.fit->history[i].loss, expected.fit->history[i].loss) << "step " << i + 1;
  }
}

TEST(DistributedFit, HasTheBitsOfOneProcessWhenDeterministic) {
  expect_equal_bits(40, false, 8);
  expect_equal_bits(9, true, 8);
  expect_equal_bits(2, false, 4);
}

TEST(DistributedFit, AllRanksStopAtTheSignalOfOne) {
  RankFit run(mmm_panel(5, kWeeks, 2, 1), trainer_options(20), {1}, world());
  int64_t steps = 0;
  TrainerCallbacks callbacks;
  callbacks.progress = [&](const Progress& progress) { steps = progress.step; };
  callbacks.request = [&] {
    return world().rank() == world().size() - 1 && steps == 4 ? Request::kStop : Request::kNone;
  };
  EXPECT_EQ(train(*run.fit, callbacks), Outcome::kStopped);
  EXPECT_EQ(run.fit->state.step, 5);
}

TEST(DistributedFit, ChecksOfTheWholePanelSeeEveryRank) {
  // The only channel-1 spending is in the last region: no rank may take the channel for a silent one.
  Panel panel = mmm_panel(6, kWeeks, 2, 1);
  for (int64_t cell = 0; cell < 5 * kWeeks; ++cell) panel.media_RTC[cell * 2 + 1] = 0;
  RankFit run(panel, trainer_options(2), {1}, world());
  for (const std::string& note : run.fit->notes) EXPECT_EQ(note.find("channel 1"), std::string::npos) << note;
}

}  // namespace
}  // namespace dcmmm
