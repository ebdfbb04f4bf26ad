// Draws from the posterior of curves and effects, by elliptical slice sampling around a mode.
// Shapes: D draws, C channels, L linear terms, S coordinates of the curves, E experiments.
#pragma once

#include "common/random.hpp"
#include "likelihood/curve_evidence.hpp"

namespace dcmmm {

/// One row a draw.
struct CurveSample {
  RowMatrix coordinates_DS;
  RowMatrix linear_DL;       // drawn at the draw's curves, shares first
  RowMatrix lift_DE;         // of the experiments, KPI units
  Eigen::VectorXd linear_L;  // mean over the posterior
  int64_t steps = 0;         // of the chain
  int64_t evaluations = 0;   // of all channels together
  double density_error = 0;  // of the surrogate's log density, root mean square; 0 without one
};

/// `draws` draws of a chain that starts at the mode, after a tenth as many steps that don't count. A step moves all
/// curves by an elliptical slice (Murray, Adams and MacKay 2010; around an approximation: Nishihara, Murray and Adams
/// 2014), which follows what channels have in common, and then each channel's by one of its own, which leaves long
/// tails soon. No step size has to be chosen. By the surrogate where it can stand for the panel and is as good, or else
/// by passes. Empty where the chain couldn't move: the density or the curvature at the mode isn't a number. Collective;
/// the same on every rank.
CurveSample sample_curves(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed);

/// Draws of shares and curves go `factor` (1 or more) times as far from their means; shares stay at or above 0.
void widen(CurveSample& sample, int64_t channels, double factor);

/// Each step is a draw, and costs some passes over the panel.
CurveSample sample_by_passes(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed);

/// Each eighth step of a CurveSurrogate's chain is a draw, and all steps count in the mean shares.
CurveSample sample_by_surrogate(const CurveEvidence& evidence, const Mode& mode, int64_t draws, uint64_t seed);

}  // namespace dcmmm
