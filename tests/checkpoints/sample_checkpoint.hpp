// A checkpoint with whole arrays and arrays by region, as one rank holds it.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "checkpoints/checkpoint_file.hpp"

namespace dcmmm::testing {

/// The part with the regions [first, first + count) of `all`; every value tells its place.
inline Checkpoint sample_checkpoint(int64_t step, int64_t all, int64_t first, int64_t count) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.config = "run:\n  seed: 1\n# " + std::string(100000, 'x') + "\n";
  checkpoint.panel_checksum = std::string(64, 'c');
  for (int64_t r = 0; r < all; ++r) checkpoint.labels["region"].push_back("Region " + std::to_string(r));
  checkpoint.labels["channel"] = {"Fernsehen", "Ströer"};
  checkpoint.notes["random"] = "seed 1, counter 7";
  checkpoint.notes["empty"] = "";
  checkpoint.first_region = first;
  checkpoint.arrays.push_back(
      {"decay",
       {"channel"},
       {2},
       std::vector<float>{std::numeric_limits<float>::denorm_min(), std::bit_cast<float>(0x7fa00001)}});
  checkpoint.arrays.push_back({"updates", {}, {}, std::vector<int64_t>{std::numeric_limits<int64_t>::min()}});
  NamedArray level = {"level", {"region"}, {count}, std::vector<float>()};
  NamedArray state = {"state", {"member", "region", "channel"}, {3, count, 2}, std::vector<double>()};
  for (int64_t r = first; r < first + count; ++r) std::get<0>(level.values).push_back(static_cast<float>(r) + 0.1F);
  for (int64_t member = 0; member < 3; ++member) {
    for (int64_t r = first; r < first + count; ++r) {
      for (int64_t c = 0; c < 2; ++c) {
        std::get<1>(state.values)
            .push_back(std::bit_cast<double>(0x7ff8000000000000 + static_cast<uint64_t>(member * 10000 + r * 10 + c)));
      }
    }
  }
  checkpoint.arrays.push_back(level);
  checkpoint.arrays.push_back(state);
  return checkpoint;
}

/// Equal in everything, numbers by their bits.
inline bool same_bits(const Checkpoint& a, const Checkpoint& b) {
  if (a.step != b.step || a.config != b.config || a.panel_checksum != b.panel_checksum || a.labels != b.labels ||
      a.notes != b.notes || a.first_region != b.first_region || a.arrays.size() != b.arrays.size()) {
    return false;
  }
  for (const auto& array : a.arrays) {
    const NamedArray& other = b.array(array.name);
    if (array.dimensions != other.dimensions || array.shape != other.shape ||
        array.values.index() != other.values.index()) {
      return false;
    }
    const bool same = std::visit(
        [&](const auto& values) {
          const auto& others = std::get<std::decay_t<decltype(values)>>(other.values);
          if (values.size() != others.size()) return false;
          for (size_t i = 0; i < values.size(); ++i) {
            using Bits = std::conditional_t<sizeof(values[0]) == 4, uint32_t, uint64_t>;
            if (std::bit_cast<Bits>(values[i]) != std::bit_cast<Bits>(others[i])) return false;
          }
          return true;
        },
        array.values);
    if (!same) return false;
  }
  return true;
}

}  // namespace dcmmm::testing
