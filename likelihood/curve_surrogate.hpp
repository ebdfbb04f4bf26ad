// CurveEvidence without the panel: its sums over regions for a basis of the channels' responses, once and for all.
// Shapes: C channels, K basis columns a channel, F columns that don't depend on curves, S coordinates of the curves.
#pragma once

#include "likelihood/curve_evidence.hpp"
#include "likelihood/response_basis.hpp"

namespace dcmmm {

/// The same density as CurveEvidence, up to what the basis leaves of responses, at a small part of the price: nothing
/// that it does takes a pass over regions or a message between ranks.
class CurveSurrogate {
 public:
  /// One pass. The arguments must outlive it. Collective.
  CurveSurrogate(const CurveEvidence& evidence, const ResponseBasis& basis);

  /// Not where there are experiments, or channels with reach and frequency.
  static bool can_stand_for(const CurveEvidence& evidence) {
    return evidence.data().experiments.empty() && ResponseBasis::spans(evidence.data());
  }

  /// All that CurveWalk says of a point.
  CurvePoint point(const Eigen::VectorXd& coordinates) const;

 private:
  friend class SurrogateWalk;

  const CurveEvidence& evidence_;
  const ResponseBasis& basis_;
  // Sums over regions; M = C K basis columns.
  RowMatrix weighted_TM_, gram_MM_, cross_MF_;
  Eigen::VectorXd mean_M_;
  // With power, the nation and all terms without a sign integrated out: basis columns, then controls with a sign (B).
  Eigen::MatrixXd kept_gram_;
  Eigen::VectorXd kept_right_, control_sign_B_;
  Eigen::VectorXd share_precision_C_, share_mean_C_;
  double constant_ = 0;  // of the log density
};

/// A place among curves, as CurveWalk.
class SurrogateWalk {
 public:
  struct Point {
    Eigen::VectorXd coordinates;
    double log_density = 0;
    Eigen::VectorXd share_C;  // mean, the cut at zero taken term by term
  };

  SurrogateWalk(const CurveSurrogate& surrogate, const Eigen::VectorXd& coordinates);

  const Point& point() const { return point_; }
  const Point& try_channel(int64_t channel, const Eigen::VectorXd& coordinates);
  void accept();

 private:
  // A channel's coefficients, what the kept gram makes of them, and its mean response.
  struct Channel {
    Eigen::VectorXd coefficient_K, image;
    double mean = 0;
  };

  Channel place(int64_t channel, const Shapes& shapes) const;
  void evaluate(Point& point) const;

  const CurveSurrogate* surrogate_;
  std::vector<Channel> channel_C_;
  Point point_, trial_point_;
  Channel trial_;  // what accept() puts in
  int64_t trial_channel_ = 0;
};

}  // namespace dcmmm
