#include "likelihood/counted_regions.hpp"

#include <utility>

#include "common/random.hpp"

// R regions of this rank, J = C + K inputs: channels, then controls with events.
namespace dcmmm {
namespace {

constexpr double kFewest = 30;    // regions that tell an input's effect
constexpr double kLargest = 100;  // regions of one hundredth of a channel count always
constexpr uint64_t kRareStream = uint64_t{1} << 56;

// How much a region has of each input in its training cells: media in the target's units, and of a control the cells
// where it isn't what it was at first. [R, J].
std::vector<double> volumes(const LikelihoodData& data, const RegionLoop& loop) {
  const int64_t C = data.channels, K = data.controls, J = C + K;
  std::vector<double> out(static_cast<size_t>(data.regions * J));
  loop.each([&](Chunk chunk) {
#pragma omp parallel for schedule(static)
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      if (!data.is_usable(r)) continue;
      double* volume_J = out.data() + r * J;
      const float* first_K = nullptr;
      for (int64_t t = 0; t < data.origin; ++t) {
        const int64_t cell = r * data.weeks + t;
        if (!(data.weight_RT[cell] > 0)) continue;
        const float *media_C = data.media_RTC.data() + cell * C, *control_K = data.control_RTK.data() + cell * K;
        if (first_K == nullptr) first_K = control_K;
        for (int64_t c = 0; c < C; ++c) volume_J[c] += data.size_R[r] * media_C[c];
        for (int64_t k = 0; k < K; ++k) volume_J[C + k] += control_K[k] != first_K[k];
      }
    }
  });
  return out;
}

// Of all regions or the counted ones: those that have an input, how much there is of it, the target, and the regions.
struct Sums {
  std::vector<double> regions_J, volume_J;
  double target = 0, regions = 0;
};

Sums sums_of(const LikelihoodData& data, const std::vector<double>& volume_RJ, const RegionLoop& loop) {
  const int64_t J = data.channels + data.controls;
  const std::vector<double> sums = loop.sum(2 * J + 2, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      if (!data.counts(r)) continue;
      for (int64_t j = 0; j < J; ++j) {
        total[j] += volume_RJ[r * J + j] > 0;
        total[J + j] += volume_RJ[r * J + j];
      }
      for (int64_t t = 0; t < data.origin; ++t) {
        const int64_t cell = r * data.weeks + t;
        if (data.weight_RT[cell] > 0) total[2 * J] += data.target_RT[cell] * data.size_R[r];
      }
      total[2 * J + 1] += 1;
    }
  });
  return {{sums.begin(), sums.begin() + J}, {sums.begin() + J, sums.begin() + 2 * J}, sums[2 * J], sums[2 * J + 1]};
}

// A channel without media in the sample has no effect there, and the ROI that is known of one is that of its spend.
void take_totals(LikelihoodData& data, const Sums& sample, const RegionLoop& loop) {
  const int64_t C = data.channels;
  data.whole = {data.off_C, data.spend_C, data.total_target};
  data.off_C.resize(static_cast<size_t>(C));
  for (int64_t c = 0; c < C; ++c) data.off_C[static_cast<size_t>(c)] = !(sample.volume_J[static_cast<size_t>(c)] > 0);
  data.total_target = sample.target;
  if (!data.has_region_spend) return;
  data.spend_C = loop.sum(C, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
      for (int64_t c = 0; c < C && data.counts(r); ++c) total[c] += data.spend_RC[r * C + c];
  });
}

}  // namespace

bool count_sample(LikelihoodData& data, int64_t wanted, const LikelihoodOptions& options, int64_t all_regions,
                  const RegionLoop& loop) {
  count_all(data);
  if (all_regions <= wanted) return false;
  const int64_t C = data.channels, J = C + data.controls;
  const std::vector<double> volume_RJ = volumes(data, loop);
  const Sums all = sums_of(data, volume_RJ, loop);
  if (all.regions <= static_cast<double>(wanted)) return false;
  data.counted_R.assign(static_cast<size_t>(data.regions), 0);
  data.on_sample = true;
  for (int64_t r = 0; r < data.regions; ++r) {
    const int64_t place = loop.plan().first_region + r;
    bool counts = is_sampled(place, wanted, all_regions) || is_sampled(place, options.sample_regions, all_regions) ||
                  data.size_R[r] * static_cast<double>(data.origin * wanted) > all.target;
    for (int64_t c = 0; c < C; ++c) counts = counts || volume_RJ[r * J + c] * kLargest > all.volume_J[c];
    data.counted_R[static_cast<size_t>(r)] = counts;
  }
  const Sums first = sums_of(data, volume_RJ, loop);
  if (4 * first.regions < static_cast<double>(wanted)) {
    count_all(data);
    return false;
  }
  for (int64_t r = 0; r < data.regions; ++r) {
    const double chance = RandomStream(kRareStream, static_cast<uint64_t>(loop.plan().first_region + r)).uniform();
    for (int64_t j = 0; j < J; ++j)
      if (first.regions_J[j] < kFewest && volume_RJ[r * J + j] > 0 && chance * all.regions_J[j] < 2 * kFewest)
        data.counted_R[static_cast<size_t>(r)] = 1;
  }
  take_totals(data, sums_of(data, volume_RJ, loop), loop);
  return true;
}

void count_all(LikelihoodData& data) {
  if (data.on_sample && data.whole) {
    data.off_C = std::move(data.whole->off_C);
    data.spend_C = std::move(data.whole->spend_C);
    data.total_target = data.whole->total_target;
  }
  data.whole.reset();
  data.on_sample = false;
  data.counted_R.clear();
}

}  // namespace dcmmm
