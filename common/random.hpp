// Counter-based random numbers: a draw is a pure function of (seed, stream, counter), so it never depends on ranks or
// slots.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace dcmmm {

/// Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key (Salmon et al. 2011, table 2).
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// A stream of draws keyed by (seed, stream): the same on every rank. Cheap to make, so make one per region or
/// parameter.
class RandomStream {
 public:
  RandomStream(uint64_t seed, uint64_t stream, uint64_t counter = 0)
      : seed_(seed), stream_(stream), counter_(counter) {}

  /// Uniform in (0, 1), 53 bits.
  double uniform() {
    const auto words = philox4x32({static_cast<uint32_t>(counter_), static_cast<uint32_t>(counter_ >> 32),
                                   static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)},
                                  {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
    ++counter_;
    const uint64_t bits = (uint64_t{words[0]} << 32 | words[1]) >> 11;
    // The largest of them all would round to 1.
    return std::min((static_cast<double>(bits) + 0.5) * 0x1p-53, 1 - 0x1p-53);
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Standard normal (Box and Muller 1958).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  uint64_t seed_, stream_, counter_;
};

}  // namespace dcmmm
