// How well curves explain the panel, linear terms integrated out. Shapes: C channels, L linear terms, S coordinates of
// the curves, E experiments.
#pragma once

#include <functional>
#include <vector>

#include "likelihood/gauss_newton.hpp"
#include "likelihood/precision_lanes.hpp"
#include "likelihood/signed_terms.hpp"

namespace dcmmm {

/// The posterior of the linear terms at given curves: a normal, shares and what else has a sign cut at zero.
struct LinearPosterior {
  Eigen::VectorXd mean;        // L
  Eigen::MatrixXd covariance;  // L x L
};

/// Curves, what they are worth, and what follows from them.
struct CurvePoint {
  Eigen::VectorXd coordinates;  // S, as Shapes has them
  double log_density = 0;       // of the posterior, up to a constant of the covariance
  LinearPosterior linear;
  Eigen::VectorXd mean_C;  // mean responses (Mode::mean_C)
  RowMatrix lift_EL;       // what the linear terms say of each experiment, KPI units
};

/// Log of the standard normal distribution function.
double log_normal_cdf(double value);

/// The posterior density of curves at fixed variance components,
///     log p(curves | y) = b' A^-1 b / 2 - log|A| / 2 + sum_s log P(term_s > 0) - |curves - center|^2 / 2,
/// A = p X' V^-1 X + the priors' precision, b = p X' V^-1 y + precision * mean, p the power of the panel's likelihood
/// (experiments, where the covariance has them, enter in full): the linear terms integrated out (Rasmussen and Williams
/// 2006, eq. 2.43), the cut at zero term by term of those with a sign. Holds what doesn't depend on curves, from a
/// first pass; CurveWalk evaluates.
class CurveEvidence {
 public:
  /// Collective. The arguments must outlive it. `prior_center`: where the curves' priors lie. `power`: below 1 since
  /// components, scales and weights are estimates, too (Bissiri, Holmes and Walker 2016; docs/likelihood.md).
  CurveEvidence(const LikelihoodData& data, const LikelihoodOptions& options, const FixedCovariance& covariance,
                const Shapes& prior_center, const RegionLoop& loop, double power = 0.75);

  const Shapes& prior_center() const { return prior_center_; }
  const Eigen::VectorXd& prior_sd() const { return shape_sd_; }
  const SignedTerms& signed_terms() const { return terms_; }
  const LikelihoodData& data() const { return data_; }
  const RegionLoop& loop() const { return loop_; }

 private:
  friend class CurveWalk;
  friend class CurveSurrogate;
  friend class SurrogateWalk;

  struct Region {
    int64_t place;
    RowMatrix fixed_TF, weighted_TF;  // columns that don't depend on curves (the target last), and V_r^-1 times them
  };

  // A channel in all regions of this rank that take part.
  struct Response {
    RowMatrix media_RT, weighted_RT;  // its responses, and V_r^-1 times them
  };

  // Sums over regions that depend on the curves; M: the responses.
  struct Sums {
    RowMatrix weighted_TC;    // V^-1 M
    Eigen::MatrixXd gram_CC;  // M' V^-1 M
    RowMatrix cross_CF;       // M' V^-1 fixed
    Eigen::VectorXd mean_C;   // of m_r M over training cells
  };

  void respond(int64_t channel, const Shapes& shapes, Response& out) const;
  double log_prior(const Eigen::VectorXd& coordinates) const;  // of curves, up to a constant
  CurvePoint point_of(const Eigen::VectorXd& coordinates, const Sums& sums) const;
  // Adds add_region(region, total) over all regions of all ranks.
  std::vector<double> sum(int64_t length, const std::function<void(size_t region, double* total)>& add_region) const;

  const LikelihoodData& data_;
  const LikelihoodOptions& options_;
  const FixedCovariance& covariance_;
  const Shapes& prior_center_;
  const RegionLoop& loop_;
  double power_;
  ColumnLayout layout_;
  SignedTerms terms_;
  Eigen::VectorXd shape_sd_;
  Eigen::MatrixXd shape_precision_;
  std::vector<Region> regions_;
  std::vector<RegionPrecision> precision_;  // of regions_
  std::vector<PrecisionLanes> lanes_;       // of regions_, PrecisionLanes::kLanes each
  RowMatrix weighted_TF_;                   // summed over all regions of all ranks
  Eigen::MatrixXd gram_FF_;                 // as above, the national level integrated out
  Eigen::MatrixXd national_TF_;             // what is left of the national level's covariance, times weighted_TF
  double target_ = 0;                       // sum of m_r y
};

/// A place among curves. Coming to it costs C columns a region, moving one channel from it one column, and an
/// all-reduce each. Collective throughout; the same on every rank.
class CurveWalk {
 public:
  CurveWalk(const CurveEvidence& evidence, const Eigen::VectorXd& coordinates);

  const CurvePoint& point() const { return point_; }

  /// What the point would be with other coordinates of one channel; `coordinates`: all of them.
  const CurvePoint& try_channel(int64_t channel, const Eigen::VectorXd& coordinates);
  /// Goes to what was tried last.
  void accept();

 private:
  struct Trial {
    int64_t channel = 0;
    CurveEvidence::Response response;
    CurveEvidence::Sums sums;
    CurvePoint point;
  };

  const CurveEvidence* evidence_;
  std::vector<CurveEvidence::Response> response_C_;
  CurveEvidence::Sums sums_;
  CurvePoint point_;
  Trial trial_;
};

}  // namespace dcmmm
