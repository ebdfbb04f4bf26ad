#include "likelihood/drift.hpp"

#include <gmock/gmock.h>

#include <Eigen/Dense>
#include <numbers>

#include "likelihood/drift_objective.hpp"
#include "likelihood/likelihood_fit.hpp"
#include "likelihood_case.hpp"

namespace dcmmm {
namespace {

using testing::likelihood_case;
using testing::true_drift;

TEST(Waves, DeviateByOneInASlowWayAndStayWhereTheyEnded) {
  const Waves waves = drift_waves(120, 150, kWeeksOfYear);
  ASSERT_EQ(waves.count(), 6);
  EXPECT_NEAR(waves.variance_B.sum(), 2.0, 1e-12);
  EXPECT_GT(waves.variance_B[0], waves.variance_B[5]);
  for (int64_t b = 0; b < 6; ++b) {
    EXPECT_NEAR(waves.value_NB.col(b).head(120).sum(), 0, 1e-9);
    EXPECT_NEAR(waves.value_NB.col(b).head(120).squaredNorm(), 60, 1e-9);
    for (int64_t t = 120; t < 150; ++t) EXPECT_EQ(waves.value_NB(t, b), waves.value_NB(119, b));
  }
  EXPECT_EQ(drift_waves(19, 30, kWeeksOfYear).count(), 0);
  EXPECT_EQ(drift_waves(1000, 1000, kWeeksOfYear).count(), 8);
  // 120 weeks as days or months have the same periods.
  EXPECT_EQ(drift_waves(840, 840, 7 * kWeeksOfYear).count(), waves.count());
  EXPECT_EQ(drift_waves(28, 28, 12).count(), waves.count());
  EXPECT_NEAR(drift_waves(840, 840, 7 * kWeeksOfYear).variance_B[2], waves.variance_B[2], 1e-9);
}

class Drifting : public ::testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = likelihood_case(12, 108, 3, 0.4);
  RegionLoop loop_{testing::plan_of(12, 5), *communicator_};
  LikelihoodOptions options_;
  Eigen::VectorXd shares_ = Eigen::Vector2d(0.2, 0.1);
};

TEST_F(Drifting, WavesAreRelativeToTheShareAndLeaveItAsItIs) {
  const Frozen frozen = freeze(case_.data, case_.truth, shares_, true, loop_);
  const ColumnLayout layout{2, 1, 2, 0, false, frozen.waves.count()};
  const Eigen::VectorXd means =
      mean_columns({case_.data, layout, case_.truth, &frozen, {}, {}, false, 0, 0, nullptr}, loop_);
  RowMatrix columns(case_.data.origin, layout.count());
  fill_columns(case_.data, layout, case_.truth, &frozen, 4, columns);
  Eigen::VectorXd amplitudes = Eigen::VectorXd::Zero(2 * frozen.waves.count());
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t b = 0; b < frozen.waves.count(); ++b) {
      EXPECT_NEAR(means[layout.wave(c, b)], 0, 1e-12);
      amplitudes.setZero();
      amplitudes[c * frozen.waves.count() + b] = 1;
      const RowMatrix path = frozen.path(amplitudes);
      for (const int64_t t : {0, 17, 99})
        EXPECT_NEAR(columns(t, layout.wave(c, b)), shares_[c] * columns(t, c) / means[c] * path(t, c), 1e-12);
    }
}

TEST_F(Drifting, ObjectiveIsTheLikelihoodOfTheLinearTermsAlongTheWaves) {
  const Components components = initial_components(true, true, true);
  const FixedCovariance covariance =
      fix_covariance(case_.data, components, freeze(case_.data, case_.truth, shares_, true, loop_), loop_);
  Mode mode = find_mode(case_.data, options_, covariance, case_.truth, case_.truth, 0, loop_);
  const DriftObjective objective(case_.data, options_, covariance, mode, 12, loop_);
  const int64_t T = case_.data.origin, B = covariance.frozen.waves.count(), L = mode.linear.size();
  RowMatrix gradient(T, 2), other(T, 2);
  // The same steps along the waves, in the normal equations and in the objective. Frozen shares differ from the mode's.
  const auto path_of = [&](const Eigen::VectorXd& amplitudes) {
    RowMatrix path = covariance.frozen.path(amplitudes).topRows(T);
    for (int64_t c = 0; c < 2; ++c) path.col(c) *= shares_[c] / mode.linear[c];
    return path;
  };
  const Eigen::VectorXd at = mode.linear.tail(2 * B);
  const double value = objective.value(path_of(at), gradient);
  for (const int64_t i : {0, 3, 2 * static_cast<int>(B) - 1}) {
    Eigen::VectorXd moved = at;
    moved[i] += 0.01;
    const double above = objective.value(path_of(moved), other);
    moved[i] -= 0.02;
    const double below = objective.value(path_of(moved), other);
    Eigen::VectorXd unit = Eigen::VectorXd::Zero(2 * B);
    unit[i] = 1;
    EXPECT_NEAR((above - below) / 0.02, gradient.cwiseProduct(path_of(unit)).sum(), 1e-5 * (1 + std::abs(value)));
    // At the mode the likelihood's slope is the prior's, turned round.
    const double prior = at[i] / (0.01 * covariance.frozen.waves.variance_B[i % B]);
    EXPECT_NEAR((above - below) / 0.02, -prior, 1e-3 * (1 + std::abs(prior)));
    const double curvature = (above + below - 2 * value) / 1e-4;
    const int64_t place = L - 2 * B + i;
    EXPECT_NEAR(curvature + 1 / (0.01 * covariance.frozen.waves.variance_B[i % B]), mode.curvature(place, place),
                1e-3 * mode.curvature(place, place));
  }
}

TEST_F(Drifting, ObjectiveAgreesWithFiniteDifferencesAndDoesNotDependOnChunks) {
  const FixedCovariance covariance = fix_covariance(case_.data, initial_components(true, true, true),
                                                    freeze(case_.data, case_.truth, shares_, true, loop_), loop_);
  const Mode mode = find_mode(case_.data, options_, covariance, case_.truth, case_.truth, 0, loop_);
  const DriftObjective objective(case_.data, options_, covariance, mode, 12, loop_);
  const RegionLoop single(testing::plan_of(12, 1), *communicator_);
  const DriftObjective of_single(case_.data, options_, covariance, mode, 12, single);
  const int64_t T = case_.data.origin;
  RowMatrix path(T, 2), gradient(T, 2), other(T, 2);
  RandomStream random(5, 6);
  for (int64_t i = 0; i < path.size(); ++i) path.data()[i] = 0.1 * random.normal();
  const double value = objective.value(path, gradient);
  EXPECT_NEAR(of_single.value(path, other), value, 1e-9 * std::abs(value));
  EXPECT_LT((other - gradient).norm(), 1e-9 * gradient.norm());
  for (const auto& [t, c] : {std::pair{0, 0}, {50, 1}, {99, 0}}) {
    const double here = path(t, c);
    path(t, c) = here + 1e-3;
    const double above = objective.value(path, other);
    path(t, c) = here - 1e-3;
    const double below = objective.value(path, other);
    path(t, c) = here;
    EXPECT_NEAR((above - below) / 2e-3, gradient(t, c), 1e-6 * (1 + std::abs(gradient(t, c))));
  }
}

// One process that remembers the longest sum.
class LongestSum final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_reduce_sum(std::span<double> values) override { longest = std::max(longest, std::ssize(values)); }
  void all_reduce_sum(std::span<int64_t>) override {}
  void all_reduce_max(std::span<double>) override {}
  std::vector<double> all_gather(std::span<const double> mine) override { return {mine.begin(), mine.end()}; }
  void broadcast(std::string&, int) override {}
  void barrier() override {}
  std::unique_ptr<Communicator> split(int) override { return nullptr; }

  std::ptrdiff_t longest = 0;
};

// Each thread has such sums of its own.
TEST_F(Drifting, SumsOfTheObjectiveAreOneSquareOfTheWeeksWhateverTheChannels) {
  const FixedCovariance covariance = fix_covariance(case_.data, initial_components(true, true, true),
                                                    freeze(case_.data, case_.truth, shares_, true, loop_), loop_);
  const Mode mode = find_mode(case_.data, options_, covariance, case_.truth, case_.truth, 0, loop_);
  LongestSum counting;
  const RegionLoop loop(testing::plan_of(12, 5), counting);
  const DriftObjective objective(case_.data, options_, covariance, mode, 12, loop);
  const int64_t T = case_.data.origin;
  RowMatrix gradient;
  objective.value(RowMatrix::Zero(T, 2), gradient);
  EXPECT_EQ(counting.longest, T * T + T * 2);
}

// Root of the mean squared distance of the fitted path from the truth, over training weeks and channels.
double path_error(const LikelihoodFit& fit, double swing) {
  const RowMatrix path = fit.members[0].drift_NC();
  const int64_t T = fit.data.origin;
  double squares = 0;
  for (int64_t t = 0; t < T; ++t)
    for (int64_t c = 0; c < 2; ++c) squares += std::pow(path(t, c) - true_drift(swing, c, t), 2);
  return std::sqrt(squares / static_cast<double>(2 * T));
}

TEST(LikelihoodFit, FindsDriftWhereThereIsSomeAndNoneWhereThereIsNone) {
  const auto communicator = make_local_communicator();
  const RegionLoop loop(testing::plan_of(20, 64), *communicator);
  const auto fit = [&](double swing) {
    return fit_likelihood(likelihood_case(20, 118, 5, swing).data, {}, {std::nullopt}, 20, 0, loop, {});
  };
  const LikelihoodFit constant = fit(0), drifting = fit(0.4);
  EXPECT_LT(constant.drift_gain, 6);
  EXPECT_EQ(constant.options.drift, Drift::kNone);
  EXPECT_EQ(constant.estimate.components.drift_sd(), 0);
  EXPECT_EQ(path_error(constant, 0), 0);
  EXPECT_GT(drifting.drift_gain, 50);
  EXPECT_NEAR(drifting.estimate.components.drift_sd(), 0.28, 0.12);
  EXPECT_LT(path_error(drifting, 0.4), 0.12);  // no drift at all would give .28
}

}  // namespace
}  // namespace dcmmm
