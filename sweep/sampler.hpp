// The next trial's values.
#pragma once

#include <cstdint>
#include <vector>

#include "sweep/space.hpp"

namespace dcmmm {

enum class SamplerKind { kGrid, kRandom, kSobol, kTpe };

/// What a sampler may know of an earlier trial.
struct Observation {
  std::vector<double> values;  // in the order of the space
  double loss = 0;             // smaller is better; NaN: not finished, or failed
};

/// Trials of the whole grid. Throws UserError where a parameter is an interval, or where there are more than 2^53.
int64_t grid_size(const SearchSpace& space);

/// The values of trial `number`. Grid (the last key fastest, as Hydra's multirun), random and Sobol are functions of
/// (seed, number) alone. TPE also looks at `seen`; its first kTpeStartTrials trials are those of random search.
/// Throws UserError as grid_size does, and for Sobol beyond its dimensions.
std::vector<double> sample(SamplerKind kind, const SearchSpace& space, uint64_t seed, int64_t number,
                           const std::vector<Observation>& seen);

}  // namespace dcmmm
