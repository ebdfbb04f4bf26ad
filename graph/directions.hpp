// Which of two channels acts on the other within a week: what is left of spend after the weeks before (innovations) is
// not Gaussian, and its scale differs between regions, and that tells cause from effect whatever the units
// (LiNGAM: Shimizu et al. 2006, 2011; pairwise likelihood ratios: Hyvärinen and Smith 2013).
// Shapes: N region-weeks, C channels, R regions.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "graph/moments.hpp"
#include "graph/options.hpp"

namespace dcmmm {

/// Innovations of the regions that are looked at; the same on every rank.
struct Innovations {
  Eigen::MatrixXd value_NC;
  std::vector<int64_t> begin_R;  // rows of each region start here; last entry N
};

/// Spend less its least squares on the weeks before, of a sample of at most 1,024 of the panel's regions.
/// Collective.
Innovations innovations(const LogSpend& spend, const GraphMoments& moments, int64_t all_regions,
                        const RegionLoop& loop);

/// Log likelihood of `value_N` in each region, under the density of `noise` or the Gaussian one, whichever explains all
/// regions better. Every region has a scale of its own (shrunk to the mean of all).
std::vector<double> region_log_likelihood(const Eigen::Ref<const Eigen::VectorXd>& value_N,
                                          const std::vector<int64_t>& begin_R, GraphNoise noise);

struct Directions {
  std::vector<int64_t> order;  // causes first, as far as can be told
  // [i, j] for i before j: the log likelihood ratio of "i acts on j" against the reverse, after what all earlier
  // channels explain, in its own standard deviations over regions. 0 where it wasn't asked.
  Eigen::MatrixXd evidence_CC;
};

/// Evidence of at least this many standard deviations gives a direction; by chance that happens once in 30,000 pairs.
inline constexpr double kSurelyDirected = 4.0;

/// DirectLiNGAM's search (Shimizu et al. 2011): the channel that is least likely to be an effect comes next, and the
/// others go on without what it explains. Pairs that don't correlate, or one of which `usable_C` (0) leaves out, are
/// not asked; nor is anything with fewer than 8 regions or Gaussian noise.
Directions find_directions(Innovations innovations, GraphNoise noise, const std::vector<char>& usable_C);

}  // namespace dcmmm
