#include "model/fit_data.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "common/large_vector.hpp"
#include "common/random.hpp"
#include "common/text.hpp"
#include "data/split.hpp"
#include "model/large_tensor.hpp"
#include "model/missing_media.hpp"

namespace dcmmm {
namespace {

// A region's media scale is at least this share of the national per-capita mean, so that a channel that a region hardly
// knows doesn't blow up there.
constexpr double kMinMediaShare = 0.01;
constexpr double kControlFloor = 0.1;  // of the regions' mean standard deviation
constexpr double kControlClip = 4.0;
// Weeks of a block of the bootstrap: longer than what one shock lasts.
constexpr int64_t kBootstrapBlock = 8;
constexpr double kLeastSize = 0.05;      // of a region's mean target, whatever the offset
constexpr int64_t kBlockRegions = 1024;  // read at once
// Streams of a bootstrap's random numbers: regions count from 0, blocks of weeks from here.
constexpr uint64_t kBlockStream = uint64_t{1} << 32;

// A weight of the Bayesian bootstrap (Rubin 1981): exponential, mean 1.
double bootstrap_weight(uint64_t seed, uint64_t stream) { return -std::log(RandomStream(seed, stream).uniform()); }

// Sums over a region's training weeks: a view of consecutive numbers.
struct RegionSums {
  double &cells, &target;
  std::span<double> media_C, share_C, control_K, control_square_K;

  static int64_t width(int64_t channels, int64_t controls) { return 2 + 2 * channels + 2 * controls; }
  RegionSums(double* at, int64_t channels, int64_t controls)
      : cells(at[0]),
        target(at[1]),
        media_C(at + 2, static_cast<size_t>(channels)),
        share_C(media_C.data() + channels, static_cast<size_t>(channels)),
        control_K(share_C.data() + channels, static_cast<size_t>(controls)),
        control_square_K(control_K.data() + controls, static_cast<size_t>(controls)) {}
};

void sum_training_weeks(const Panel& panel, const RegionBlock& block, int64_t region, int64_t origin,
                        const RegionSums& sums) {
  const double *media_TC = block.media_TC(region), *controls_TK = block.controls_TK(region);
  const int64_t weeks = panel.weeks(), channels = panel.channels(), controls = panel.controls();
  for (int64_t t = 0; t < origin; ++t) {
    const int64_t cell = region * weeks + t;
    if (panel.observed_RT[cell] == 0) continue;
    sums.cells += 1;
    sums.target += panel.target_RT[cell];
    const double* media_C = media_TC + t * channels;
    const double total = std::accumulate(media_C, media_C + channels, 0.0);
    for (int64_t c = 0; c < channels; ++c) {
      sums.media_C[c] += media_C[c];
      sums.share_C[c] += total > 0 ? media_C[c] / total : 1.0 / static_cast<double>(channels);
    }
    for (int64_t k = 0; k < controls; ++k) sums.control_K[k] += controls_TK[t * controls + k];
  }
  // Second pass for the variances: a control of 1e6 +- 1 must keep its digits.
  for (int64_t t = 0; t < origin && sums.cells > 0; ++t) {
    const int64_t cell = region * weeks + t;
    if (panel.observed_RT[cell] == 0) continue;
    for (int64_t k = 0; k < controls; ++k) {
      const double distance = controls_TK[t * controls + k] - sums.control_K[k] / sums.cells;
      sums.control_square_K[k] += distance * distance;
    }
  }
}

// A total that is no number counts: it must end the fit, not drop the region.
bool is_usable(const RegionSums& region) { return region.cells >= kMinimumRegionWeeks && !(region.target <= 0); }

}  // namespace

Member member_of(const ModelOptions& options, int64_t origin, uint64_t seed) {
  Member member{origin, seed};
  member.stiffness = options.stiffness;
  member.persistence = options.persistence;
  member.size_power = options.size_power;
  member.huber_delta = options.huber_delta;
  member.ridge = options.ridge;
  member.ridge_controls = options.ridge_controls;
  member.ridge_media = options.ridge_media;
  member.ridge_patterns = options.ridge_patterns;
  member.decay = options.decay;
  member.exponent = options.exponent;
  member.half_saturation = options.half_saturation;
  member.media = options.media;
  member.controls = options.controls;
  member.share_of_voice = options.share_of_voice;
  member.media_unit = options.media_unit;
  member.frequencies = options.frequencies;
  member.size_offset = options.size_offset;
  return member;
}

int64_t FitData::last_origin() const {
  int64_t last = 0;
  for (const Member& member : members) last = std::max(last, member.origin);
  return last;
}

FitData make_fit_data(const Panel& panel, const std::vector<Member>& members, at::ScalarType type,
                      const RegionLoop& loop, std::vector<std::string>* notes) {
  FitData data;
  data.type = type;
  data.members = members;
  data.regions = panel.regions;
  data.weeks = panel.weeks();
  data.channels = panel.channels();
  data.controls = panel.controls();
  data.events = panel.coordinates.events();
  data.frequencies = members[0].frequencies;
  data.all_regions = static_cast<int64_t>(panel.coordinates.regions.size());
  const int64_t E = data.member_count(), R = data.regions, T = data.weeks, C = data.channels, K = data.controls;
  data.target_RT = large_zeros({R, T}, type);
  data.control_known_RT = large_zeros({R, T}, type);

  // Raw values, and each member's sums, block by block: the panel may be too large to be held beside them.
  const int64_t of_region = RegionSums::width(C, K);
  LargeVector<double> sums_RE(static_cast<size_t>(R * E * of_region), 0.0);
  const auto sums = [&](int64_t e, int64_t r) { return RegionSums(sums_RE.data() + (r * E + e) * of_region, C, K); };
  const at::ScalarType raw = panel.blocks ? at::kFloat : type;
  data.media_RTC = large_zeros({R, T, C}, raw);
  data.control_RTK = large_zeros({R, T, K}, raw);
  std::vector<double> filled_TC(static_cast<size_t>(T * C));
  for (int64_t first = 0; first < R; first += kBlockRegions) {
    const int64_t count = std::min(kBlockRegions, R - first);
    const RegionBlock block(panel, first, count);
    for (int64_t r = first; r < first + count; ++r) {
      fill_missing_rows(panel, block, r, filled_TC);
      AT_DISPATCH_FLOATING_TYPES(type, "targets", [&] {
        const auto seen = panel.observed_RT.begin() + r * T;
        scalar_t* known = data.control_known_RT.data_ptr<scalar_t>() + r * T;
        std::fill(known + (std::find_if(seen, seen + T, [](uint8_t row) { return row != 0; }) - seen), known + T,
                  scalar_t(1));
        std::copy_n(panel.target_RT.begin() + r * T, T, data.target_RT.data_ptr<scalar_t>() + r * T);
      });
      AT_DISPATCH_FLOATING_TYPES(raw, "raw_values", [&] {
        std::copy(filled_TC.begin(), filled_TC.end(), data.media_RTC.data_ptr<scalar_t>() + r * T * C);
        std::copy_n(block.controls_TK(r), T * K, data.control_RTK.data_ptr<scalar_t>() + r * T * K);
      });
      for (int64_t e = 0; e < E; ++e) sum_training_weeks(panel, block, r, members[e].origin, sums(e, r));
    }
    release_large_arrays(static_cast<double>(first) / static_cast<double>(R),
                         static_cast<double>(first + count) / static_cast<double>(R));
  }

  // National figures of each member, over the regions that it can use (a single other one, of a huge negative total,
  // would spoil every mean): sum of m_r, cells, media, the controls' standard deviations, shares of voice, the regions'
  // sizes over cells, and how many regions they are.
  const int64_t sizes = 2 + C + K + C, usable = sizes + 1, width = usable + 1;
  const auto target_size_of = [&](int64_t e, int64_t r) {
    const RegionSums region = sums(e, r);
    const double mean = region.target / std::max(region.cells, 1.0);
    return is_usable(region) ? std::max(mean - members[e].size_offset, kLeastSize * mean) : mean;
  };
  const auto size_of = [&](int64_t e, int64_t r) {
    return members[e].media_unit == MediaUnit::kPopulation ? panel.population_R[r] : target_size_of(e, r);
  };
  const std::vector<double> national = loop.sum(E * width, [&](Chunk chunk, std::span<double> total) {
    for (int64_t e = 0; e < E; ++e) {
      double* of_member = total.data() + e * width;
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        const RegionSums region = sums(e, r);
        if (!is_usable(region)) continue;
        of_member[0] += region.target / region.cells;
        of_member[1] += region.cells;
        for (int64_t c = 0; c < C; ++c) of_member[2 + c] += region.media_C[c];
        for (int64_t k = 0; k < K; ++k) of_member[2 + C + k] += std::sqrt(region.control_square_K[k] / region.cells);
        for (int64_t c = 0; c < C; ++c) of_member[2 + C + K + c] += region.share_C[c];
        of_member[sizes] += size_of(e, r) * region.cells;
        of_member[usable] += 1;
      }
    }
  });

  at::Tensor target_scale = at::zeros({E, R}, at::kDouble), media_scale = large_zeros({E, R, C}, at::kDouble);
  at::Tensor control_mean = large_zeros({E, R, K}, at::kDouble), control_scale = large_zeros({E, R, K}, at::kDouble);
  at::Tensor cell_weight = large_zeros({E, R, T}, type), region_weight = at::zeros({E, R}, at::kDouble);
  auto scale_ER = target_scale.accessor<double, 2>();
  auto weight_ER = region_weight.accessor<double, 2>();
  auto media_ERC = media_scale.accessor<double, 3>();
  auto mean_ERK = control_mean.accessor<double, 3>();
  auto control_ERK = control_scale.accessor<double, 3>();
  const std::vector<double> weighted = loop.sum(E, [&](Chunk chunk, std::span<double> total) {
    for (int64_t e = 0; e < E; ++e) {
      const double* of_member = national.data() + e * width;
      const bool has_size =
          members[e].media_unit == MediaUnit::kTarget || members[e].media_unit == MediaUnit::kPopulation;
      const double regions = std::max(of_member[usable], 1.0), mean_target = of_member[0] / regions,
                   cells = std::max(of_member[1], 1.0);
      for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
        const RegionSums region = sums(e, r);
        const double count = std::max(region.cells, 1.0), mean = region.target / count;
        scale_ER[e][r] = target_size_of(e, r);
        const double all_media = std::accumulate(region.media_C.begin(), region.media_C.end(), 0.0);
        for (int64_t c = 0; c < C; ++c) {
          const double floor = mean_target > 0 ? kMinMediaShare * of_member[2 + c] / cells * mean / mean_target : 0.0;
          // Of shares: the channel's mean one in the nation, at the region's mean total.
          const double scale = members[e].share_of_voice ? of_member[2 + C + K + c] / cells * all_media / count
                               : has_size ? size_of(e, r) * of_member[2 + c] / std::max(of_member[sizes], 1e-300)
                                          : std::max(region.media_C[c] / count, floor);
          media_ERC[e][r][c] =
              members[e].media && scale > 0 ? 1.0 / scale : 0.0;  // a channel that never ran has no effect
        }
        for (int64_t k = 0; k < K; ++k) {
          if (k >= K - data.events) {
            control_ERK[e][r][k] = 1.0;
            continue;
          }
          const double average = of_member[2 + C + k] / regions;
          const double scale = std::sqrt(region.control_square_K[k] / count) + kControlFloor * average;
          mean_ERK[e][r][k] = region.control_K[k] / count;
          control_ERK[e][r][k] = members[e].controls && scale > 0 ? 1.0 / scale : 0.0;
        }
        if (!is_usable(region)) continue;
        weight_ER[e][r] = std::pow(target_size_of(e, r) / mean_target, members[e].size_power);
        if (members[e].bootstrap_seed != 0)
          weight_ER[e][r] *= bootstrap_weight(members[e].bootstrap_seed, static_cast<uint64_t>(panel.first_region + r));
        total[e] += weight_ER[e][r] * region.cells;
        AT_DISPATCH_FLOATING_TYPES(type, "cell_weights", [&] {
          std::copy_n(panel.observed_RT.begin() + r * T, members[e].origin,
                      cell_weight.data_ptr<scalar_t>() + (e * R + r) * T);
        });
      }
    }
  });
  for (int64_t e = 0; e < E; ++e) {
    const double* of_member = national.data() + e * width;
    data.cells_E.push_back(std::max(of_member[1], 1.0));  // what the loss is divided by
    data.national_target_scale_E.push_back(of_member[0] / std::max(of_member[usable], 1.0));
    region_weight[e].mul_(weighted[e] > 0 ? data.cells_E[e] / weighted[e] : 0.0);
  }
  const auto note = [&](std::string line) {
    if (notes != nullptr) notes->push_back(std::move(line));
  };
  for (int64_t r = 0; r < R; ++r) {
    if (is_usable(sums(0, r))) continue;
    note(text("Region ", panel.coordinates.regions[panel.first_region + r], " has ", sums(0, r).cells,
              " observed training weeks that sum to ", sums(0, r).target,
              sums(0, r).cells > 0 ? ": it predicts its mean." : ": it has no forecast."));
  }
  for (int64_t c = 0; c < C; ++c)
    if (national[2 + c] == 0)
      note(text("Channel ", panel.coordinates.channels[c], " is zero in all training weeks: it has no effect."));

  for (int64_t k = K - data.events; k < K; ++k)
    if (national[2 + C + k] == 0)
      note(text("Event ", panel.coordinates.controls[k].substr(kEventPrefix.size()),
                " doesn't come and go in the training weeks: it has no effect."));

  data.target_scale_ER = target_scale;
  const auto in_type = [&](const at::Tensor& values) {
    return values.scalar_type() == type ? values : large_copy(values, type);
  };
  data.inverse_media_scale_ERC = in_type(media_scale);
  data.control_mean_ERK = in_type(control_mean);
  for (const FrequencyOf& frequency : data.frequencies) control_scale.select(2, frequency.control).zero_();
  data.inverse_control_scale_ERK = in_type(control_scale);
  data.cell_weight_ERT = cell_weight;
  data.region_weight_ER = region_weight.to(type);
  data.stiffness_ER = at::empty({E, R}, at::kDouble);
  for (int64_t e = 0; e < E; ++e) {
    data.stiffness_ER[e].fill_(members[e].stiffness);
    data.persistence_E.push_back(members[e].persistence);
    if (members[e].bootstrap_seed == 0) continue;
    if (!data.week_weight_ET.defined()) data.week_weight_ET = at::ones({E, T}, type);
    for (int64_t t = 0; t < T; ++t)
      data.week_weight_ET[e][t].fill_(
          bootstrap_weight(members[e].bootstrap_seed, kBlockStream + static_cast<uint64_t>(t / kBootstrapBlock)));
  }
  if (data.week_weight_ET.defined()) data.cell_weight_ERT.mul_(data.week_weight_ET.unsqueeze(1));
  return data;
}

FitData FitData::only(int64_t first, int64_t count) const {
  FitData out = *this;
  for (at::Tensor* of_members : {&out.target_scale_ER, &out.inverse_media_scale_ERC, &out.control_mean_ERK,
                                 &out.inverse_control_scale_ERK, &out.cell_weight_ERT, &out.region_weight_ER,
                                 &out.week_weight_ET, &out.stiffness_ER, &out.national_EN, &out.drift_ENC})
    if (of_members->defined()) *of_members = of_members->narrow(0, first, count);
  const auto keep = [&](auto& of_members) {
    of_members = {of_members.begin() + first, of_members.begin() + first + count};
  };
  for (LiftObservation& lift : out.lifts) {
    keep(lift.last_week_E);
    keep(lift.lift_E);
    keep(lift.error_E);
  }
  keep(out.members);
  keep(out.persistence_E);
  keep(out.cells_E);
  keep(out.national_target_scale_E);
  return out;
}

at::Tensor FitData::media(Chunk chunk, int64_t weeks) const {
  return media_RTC.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks).to(type);
}

at::Tensor FitData::frequency(Chunk chunk, int64_t weeks) const {
  return frequency_of(control_RTK.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks).to(type));
}

at::Tensor FitData::frequency_of(const at::Tensor& control_nTK) const {
  if (frequencies.empty()) return {};
  std::vector<int64_t> places;
  for (const FrequencyOf& of_channel : frequencies) places.push_back(of_channel.control);
  return control_nTK.index_select(-1, at::tensor(places, at::kLong)).clamp_min(0) / kFrequencyUnit;
}

at::Tensor FitData::scaled_target(Chunk chunk, int64_t weeks) const {
  const at::Tensor scale = target_scale_ER.narrow(1, chunk.first, chunk.count);
  const at::Tensor inverse = at::where(scale > 0, 1.0 / scale, at::zeros_like(scale)).to(type);
  return target_RT.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks).unsqueeze(0) * inverse.unsqueeze(-1);
}

at::Tensor FitData::scaled_controls(Chunk chunk, int64_t weeks) const {
  return scale_controls(control_RTK.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks).to(type),
                        control_known_RT.narrow(0, chunk.first, chunk.count).narrow(1, 0, weeks),
                        control_mean_ERK.narrow(1, chunk.first, chunk.count),
                        inverse_control_scale_ERK.narrow(1, chunk.first, chunk.count));
}

at::Tensor scale_controls(const at::Tensor& control_RTK, const at::Tensor& known_RT, const at::Tensor& mean_ERK,
                          const at::Tensor& inverse_scale_ERK) {
  // In one pass: whole-tensor operations take rows of a few controls each, and four of them.
  const int64_t E = mean_ERK.size(0), R = control_RTK.size(0), T = control_RTK.size(1), K = control_RTK.size(2);
  const at::Tensor controls = control_RTK.contiguous(), means = mean_ERK.contiguous(),
                   inverses = inverse_scale_ERK.contiguous();
  const at::Tensor known = known_RT.defined() ? known_RT.to(controls.scalar_type()).contiguous() : at::Tensor();
  at::Tensor scaled = at::empty({E, R, T, K}, controls.options());
  AT_DISPATCH_FLOATING_TYPES(controls.scalar_type(), "scale_controls", [&] {
    const scalar_t *from = controls.const_data_ptr<scalar_t>(), *mean = means.const_data_ptr<scalar_t>(),
                   *inverse = inverses.const_data_ptr<scalar_t>(),
                   *counts = known.defined() ? known.const_data_ptr<scalar_t>() : nullptr;
    scalar_t* to = scaled.data_ptr<scalar_t>();
    at::parallel_for(0, E * R, 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t t = 0; t < T; ++t) {
          const int64_t cell = row % R * T + t;
          const scalar_t count = counts != nullptr ? counts[cell] : scalar_t(1);
          for (int64_t k = 0; k < K; ++k) {
            const scalar_t value = (from[cell * K + k] - mean[row * K + k]) * inverse[row * K + k];
            const auto limit = static_cast<scalar_t>(kControlClip);
            to[(row * T + t) * K + k] = std::clamp(value, -limit, limit) * count;
          }
        }
    });
  });
  return scaled;
}

}  // namespace dcmmm
