// What a synthetic panel's truth adds up to, region by region.
// Shapes: T weeks, C media channels, P points of a response curve.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "common/random.hpp"
#include "data/synthetic.hpp"

namespace dcmmm {

/// The Hill curve of a channel at `carried`, the adstocked media as a multiple of the national mean.
double truth_hill(const SyntheticTruth& truth, int64_t channel, double carried);

/// Student's t with 3 degrees of freedom, scaled to standard deviation 1.
double student_3(RandomStream& random);

/// Any order is as likely as another (Fisher and Yates).
template <class Element>
void shuffle(RandomStream& random, std::vector<Element>& elements) {
  for (size_t i = elements.size(); i > 1; --i)
    std::swap(elements[i - 1], elements[static_cast<size_t>(random.uniform() * static_cast<double>(i))]);
}

/// Running totals over observed cells; `truth` is complete after finish().
class TruthTotals {
 public:
  TruthTotals(const SyntheticOptions& options, SyntheticTruth nation);

  /// An observed cell: its target, what the target would be without noise and shocks, and its channels' contributions
  /// (KPI units) and media (media units).
  void add_cell(int64_t week, double target, double expected, const double* contribution_C, const double* media_C);

  /// What the cell's contribution of a channel changes by when all its media change, in logs: KPI units.
  void add_slope(int64_t channel, double slope) { truth.slope_C[channel] += slope; }

  /// A region's curves and its range of media, given as multiples of the national mean.
  void add_curves(double size, const std::vector<double>& height_C, const std::vector<double>& media_TC,
                  const std::vector<uint8_t>& has_row_T);

  void finish();

  SyntheticTruth truth;

 private:
  int64_t regions_ = 0, weeks_ = 0, channels_ = 0;
  std::vector<int64_t> multiples_CP_;  // histogram of weekly media as multiples of the region's mean
};

}  // namespace dcmmm
