#include "trainer/ensemble.hpp"

#include <algorithm>
#include <cmath>

#include "common/random.hpp"

namespace dcmmm {
namespace {

// Streams of the draws, far from those of the GRU's weights, which share the seed.
constexpr uint64_t kDrawStream = uint64_t{1} << 40;
// The ridge of a drawn member on the media: enough that its prior total counts where data say little.
constexpr double kDrawnRidgeMedia = 2.0;
constexpr double kLeastAboveMinimum = 0.05;  // of the exponent: softplus can't reach its minimum

double log_uniform(RandomStream& random, double low, double high) {
  return std::exp(random.uniform(std::log(low), std::log(high)));
}

}  // namespace

Member ensemble_member(const ModelOptions& options, int64_t origin, uint64_t run_seed, int64_t number) {
  const auto ordinal = static_cast<uint64_t>(number);
  Member member = member_of(options, origin, run_seed + ordinal);
  if (number == 0) return member;
  RandomStream random(run_seed, kDrawStream + ordinal);
  member.bootstrap_seed = 1 + static_cast<uint64_t>(random.uniform() * 0x1p52);
  member.exponent =
      std::max(options.min_exponent + kLeastAboveMinimum, options.exponent * std::exp(0.3 * random.normal()));
  member.half_saturation = options.half_saturation * std::exp(0.5 * random.normal());
  member.decay = std::min(options.decay * random.uniform(0.5, 1.5), 0.95);
  member.stiffness = options.stiffness * log_uniform(random, 0.25, 2.0);
  member.ridge = options.ridge * log_uniform(random, 0.4, 1.5);
  member.ridge_media = std::max(options.ridge_media, kDrawnRidgeMedia);
  member.media_prior = random.uniform(0.12, 0.4);
  return member;
}

}  // namespace dcmmm
