// What it leaves open that media of missing rows are guesses (model/missing_media.hpp).
// Shapes: T weeks, C channels, N imputations, L linear terms, S coordinates of the curves.
#pragma once

#include <cstdint>
#include <span>

#include "common/random.hpp"
#include "likelihood/curve_sampler.hpp"

namespace dcmmm {

/// Draws the weeks of one region's media [T, C] that are guesses (known_T is 0) anew: a gap takes over how a stretch of
/// the region's known weeks, chosen at random, differs from what would have been guessed there, all channels together
/// (a hot deck; Andridge and Little 2010). A gap longer than any such stretch takes several; where there is none, the
/// guess stays.
void draw_guessed_weeks(std::span<double> media_TC, std::span<const uint8_t> known_T, int64_t channels,
                        RandomStream& random);

/// By how much the mode moves where media of missing rows are drawn instead, one row an imputation, [N, L + S]: had the
/// media been those, the target that goes with the guessed ones is y - (f(drawn) - f(guessed)), f of the mode, and a
/// Gauss-Newton step says where its mode lies. Shares include what the drawn media bring in observed cells. Without
/// guesses there are no rows. Collective.
RowMatrix moves_by_guesses(const LikelihoodData& data, const LikelihoodOptions& options,
                           const FixedCovariance& covariance, const Mode& mode, int64_t imputations,
                           const RegionLoop& loop);

/// Moves the sample's draws, one imputation after the other, and its mean shares by the imputations' mean; of channels
/// without an effect, nothing.
void open_guesses(const RowMatrix& move_NA, int64_t channels, CurveSample& sample);

}  // namespace dcmmm
