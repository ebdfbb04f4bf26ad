#include "sweep/sampler.hpp"

#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/text.hpp"
#include "sweep/sobol.hpp"
#include "sweep/tpe.hpp"

namespace dcmmm {
namespace {

std::vector<double> grid_point(const SearchSpace& space, int64_t number) {
  std::vector<double> out(space.size());
  for (size_t p = space.size(); p-- > 0;) {
    const auto count = static_cast<int64_t>(space[p].choices.size());
    out[p] = static_cast<double>(number % count);
    number /= count;
  }
  return out;
}

std::vector<double> from_units(const SearchSpace& space, const std::vector<double>& places) {
  std::vector<double> out;
  for (size_t p = 0; p < space.size(); ++p) out.push_back(from_unit(space[p], places[p]));
  leave_out_inactive(space, out);
  return out;
}

}  // namespace

int64_t grid_size(const SearchSpace& space) {
  double size = 1;
  for (const Parameter& parameter : space) {
    if (!parameter.when_key.empty())
      throw UserError(text("A grid would repeat trials in which '", parameter.key,
                           "' doesn't count (sweep.when): take sweep.sampler=random, sobol or tpe."));
    if (parameter.kind != Parameter::Kind::kChoice)
      throw UserError(text("A grid has no end of values for '", parameter.key,
                           "', which is an interval. List them (a,b,c or range(start,stop,step)), or take ",
                           "sweep.sampler=random, sobol or tpe."));
    size *= static_cast<double>(parameter.choices.size());
  }
  if (size > 0x1p53) throw UserError(text("The grid has ", size, " trials: take sweep.sampler=random, sobol or tpe."));
  return static_cast<int64_t>(size);
}

std::vector<double> sample(SamplerKind kind, const SearchSpace& space, uint64_t seed, int64_t number,
                           const std::vector<Observation>& seen) {
  if (kind == SamplerKind::kGrid) return grid_point(space, number % grid_size(space));
  if (kind == SamplerKind::kSobol) {
    const auto dimensions = static_cast<int64_t>(space.size());
    if (dimensions > kSobolDimensions)
      throw UserError(text("Sobol points have at most ", kSobolDimensions, " dimensions, this search has ", dimensions,
                           ": take sweep.sampler=random."));
    return from_units(space, sobol_point(seed, number, dimensions));
  }
  RandomStream random(seed, static_cast<uint64_t>(number));
  if (kind == SamplerKind::kTpe && number >= kTpeStartTrials) {
    const auto values = tpe_values(space, seen, random);
    if (values) return *values;
  }
  std::vector<double> places;
  for (size_t p = 0; p < space.size(); ++p) places.push_back(random.uniform());
  return from_units(space, places);
}

}  // namespace dcmmm
