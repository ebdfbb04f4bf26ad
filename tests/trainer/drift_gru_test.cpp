#include "trainer/drift_gru.hpp"

#include <gmock/gmock.h>

#include <Eigen/Cholesky>

#include "likelihood/likelihood_fit.hpp"
#include "tests/likelihood/likelihood_case.hpp"

namespace dcmmm {
namespace {

class DriftGru : public ::testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_local_communicator();
  testing::LikelihoodCase case_ = testing::likelihood_case(12, 108, 3, 0.4);
  RegionLoop loop_{testing::plan_of(12, 64), *communicator_};
  LikelihoodOptions options_;
  FixedCovariance covariance_ =
      fix_covariance(case_.data, initial_components(true, true, true),
                     freeze(case_.data, case_.truth, Eigen::Vector2d(0.2, 0.1), true, loop_), loop_);
  Mode mode_ = find_mode(case_.data, options_, covariance_, case_.truth, case_.truth, 0, loop_);
  DriftObjective objective_{case_.data, options_, covariance_, mode_, 12, loop_};
  Waves waves_ = drift_waves(case_.data.origin, 130, case_.data.year);

  DriftGruFit train(DriftGruOptions options) const {
    const at::Tensor inputs =
        at::from_blob(const_cast<double*>(waves_.value_NB.data()), {130, waves_.count()}, at::kDouble);
    return train_drift_gru(objective_, inputs, options);
  }
};

TEST_F(DriftGru, ComesNearTheBestPathOfAllAndLeavesSharesAsTheyAre) {
  const int64_t T = case_.data.origin;
  const DriftGruFit fit = train({});
  ASSERT_EQ(fit.path_NC.rows(), 130);
  EXPECT_LT(fit.path_NC.topRows(T).cwiseProduct(objective_.week_weight_TC()).colwise().sum().norm(), 1e-12);

  // The objective is quadratic: from its gradients, the best path of all, each week free but for the prior.
  RowMatrix zero = RowMatrix::Zero(T, 2), slope(T, 2), there(T, 2);
  const double base = objective_.value(zero, slope);
  const int64_t n = 2 * T;
  Eigen::MatrixXd curvature(n, n);
  for (int64_t i = 0; i < n; ++i) {
    RowMatrix unit = RowMatrix::Zero(T, 2);
    unit.data()[i] = 1;
    objective_.value(unit, there);
    there -= slope;
    curvature.col(i) = Eigen::Map<const Eigen::VectorXd>(there.data(), n);
  }
  for (int64_t t = 0; t < T; ++t)
    for (int64_t s = 0; s < T; ++s)
      for (int64_t c = 0; c < 2; ++c) curvature(2 * t + c, 2 * s + c) += objective_.prior_precision_TT()(t, s);
  const Eigen::VectorXd gradient = Eigen::Map<const Eigen::VectorXd>(slope.data(), n);
  const double gain = 0.5 * gradient.dot(curvature.ldlt().solve(gradient));
  ASSERT_GT(gain, 20);
  EXPECT_GT(base - fit.last_objective, 0.85 * gain);
  EXPECT_LT(base - fit.last_objective, 1.02 * gain);  // centring leaves it a little less to pay
}

TEST_F(DriftGru, DependsOnItsSeedOnlyInStartingWeights) {
  DriftGruOptions options;
  options.steps = 5;
  const RowMatrix once = train(options).path_NC, again = train(options).path_NC;
  EXPECT_EQ(once, again);
  options.seed = 1;
  EXPECT_NE(train(options).path_NC, once);
  options.steps = 200;
  const RowMatrix other = train(options).path_NC;
  options.seed = 2;
  EXPECT_LT((train(options).path_NC - other).topRows(100).norm() / other.topRows(100).norm(), 0.25);
}

}  // namespace
}  // namespace dcmmm
