// Curves and effects at fixed variance components: linear terms solved exactly with non-negative shares (variable
// projection, Golub and Pereyra 1973), Gauss-Newton on the curves. Shapes: C channels, L linear terms, T training
// weeks.
#pragma once

#include <functional>
#include <string>

#include "likelihood/experiments.hpp"
#include "likelihood/restricted_likelihood.hpp"

namespace dcmmm {

/// All that stays fixed while curves and effects move.
struct FixedCovariance {
  Components components;
  Frozen frozen;
  NationalLevel national;
  RowMatrix precision_TT;   // sum of V_r^-1
  bool experiments = true;  // false: the panel alone decides, experiments are only predicted
};

/// What is frozen at these curves and shares; `drift`: whether coefficients drift. A pass. Collective.
Frozen freeze(const LikelihoodData& data, const Shapes& shapes, const Eigen::VectorXd& share_C, bool drift,
              const RegionLoop& loop);

/// A pass that fixes the covariance. Collective.
FixedCovariance fix_covariance(const LikelihoodData& data, const Components& components, Frozen frozen,
                               const RegionLoop& loop);

/// A point on the profile: curves, and the best linear terms for them.
struct Mode {
  Shapes shapes, prior_center;
  Eigen::VectorXd linear;               // L: shares of the target, controls and patterns as shares of m_r, amplitudes
  Eigen::VectorXd mean_C;               // mean response (weighted by m_r), so that coefficient = share / mean
  Eigen::VectorXd weighted_residual_T;  // sum over regions of V_r^-1 (y - f)
  double objective = 0;                 // negative log posterior up to a constant of the covariance
  // Curvature of the objective in (linear, shapes) and the direction to its unconstrained optimum.
  Eigen::MatrixXd curvature;
  Eigen::VectorXd gradient;  // descent direction before the curvature: J'V^-1 e - prior
  // What the mode says of each experiment, KPI units: the lift, its derivatives in (linear, shapes), and the variance
  // of the measurement.
  Eigen::VectorXd lift_E, lift_variance_E;
  RowMatrix lift_gradient_EA;
  int64_t steps = 0;

  double coefficient(int64_t channel) const { return mean_C[channel] > 0 ? linear[channel] / mean_C[channel] : 0.0; }
};

/// Minimises from `start` with priors around `prior_center`. `shares`: null, or the shares that the channels are held
/// at, so that the rest comes out as suits them best. Collective; the same on every rank.
Mode find_mode(const LikelihoodData& data, const LikelihoodOptions& options, const FixedCovariance& covariance,
               const Shapes& start, const Shapes& prior_center, int64_t max_steps, const RegionLoop& loop,
               const Eigen::VectorXd* shares = nullptr);

}  // namespace dcmmm
