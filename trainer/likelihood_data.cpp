#include "trainer/likelihood_data.hpp"

#include <algorithm>
#include <cmath>

#include "model/kernels/media.hpp"

namespace dcmmm {
namespace {

template <class Real>
std::vector<Real> values_of(const at::Tensor& tensor, at::ScalarType type) {
  const at::Tensor copy = tensor.to(type).contiguous();
  return {copy.const_data_ptr<Real>(), copy.const_data_ptr<Real>() + copy.numel()};
}

void append(auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); }

}  // namespace

LikelihoodData likelihood_data(const FitData& data, int64_t member, const at::Tensor& patterns_TS, double year,
                               const RegionLoop& loop) {
  LikelihoodData out;
  out.year = year;
  out.regions = data.regions;
  out.weeks = data.weeks;
  out.origin = data.members[member].origin;
  out.channels = data.channels;
  out.controls = data.controls;
  out.events = data.events;
  out.patterns = patterns_TS.size(1);
  out.pattern_TS = values_of<double>(patterns_TS, at::kDouble);
  out.size_R = values_of<double>(data.target_scale_ER[member], at::kDouble);
  const std::vector<double> usable = values_of<double>(data.region_weight_ER[member] > 0, at::kDouble);
  for (int64_t r = 0; r < data.regions; ++r)
    if (usable[r] == 0) out.size_R[r] = 0;
  const auto cells = static_cast<size_t>(data.regions * data.weeks);
  out.target_RT.reserve(cells);
  out.weight_RT.reserve(cells);
  out.media_RTC.reserve(cells * static_cast<size_t>(data.channels));
  out.control_RTK.reserve(cells * static_cast<size_t>(data.controls));
  loop.each([&](Chunk chunk) {
    append(out.weight_RT,
           values_of<double>(data.cell_weight_ERT[member].narrow(0, chunk.first, chunk.count) > 0, at::kDouble));
    append(out.target_RT, values_of<double>(data.scaled_target(chunk, data.weeks)[member], at::kDouble));
    const at::Tensor media = data.media_RTC.narrow(0, chunk.first, chunk.count) *
                             data.inverse_media_scale_ERC[member].narrow(0, chunk.first, chunk.count).unsqueeze(1);
    append(out.media_RTC, values_of<float>(media.clamp_max(kernels::kMaxScaledMedia), at::kFloat));
    append(out.control_RTK, values_of<float>(data.scaled_controls(chunk, data.weeks)[member], at::kFloat));
  });
  const int64_t C = out.channels;
  for (size_t f = 0; f < data.frequencies.size(); ++f) {
    const std::vector<float> frequency_RTF =
        values_of<float>(data.frequency({0, data.regions}, data.weeks), at::kFloat);
    out.frequency_RTC.resize(out.media_RTC.size());
    out.has_frequency_C.resize(static_cast<size_t>(C));
    const auto channel = static_cast<size_t>(data.frequencies[f].channel), F = data.frequencies.size();
    out.has_frequency_C[channel] = 1;
    for (size_t cell = 0; cell < out.target_RT.size(); ++cell)
      out.frequency_RTC[cell * static_cast<size_t>(C) + channel] = frequency_RTF[cell * F + f];
  }
  const std::vector<double> media = loop.sum(C, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r)
      for (int64_t t = 0; t < out.origin && out.is_usable(r); ++t)
        for (int64_t c = 0; c < C; ++c) total[c] += out.media_RTC[(r * out.weeks + t) * C + c];
  });
  for (const double sum : media) out.off_C.push_back(!(sum > 0));
  const std::vector<double> sums = loop.sum(3, [&](Chunk chunk, std::span<double> total) {
    for (int64_t r = chunk.first; r < chunk.first + chunk.count; ++r) {
      if (!out.is_usable(r)) continue;
      total[0] += out.size_R[r];
      total[1] += 1;
      for (int64_t t = 0; t < out.origin; ++t)
        if (out.weight_RT[r * out.weeks + t] > 0) total[2] += out.target_RT[r * out.weeks + t] * out.size_R[r];
    }
  });
  out.total_target = sums[2];
  for (int64_t r = 0; r < data.regions; ++r)
    out.log_size_R.push_back(out.is_usable(r) ? std::log(out.size_R[r] * sums[1] / sums[0]) : 0.0);
  out.error_scale_R.assign(static_cast<size_t>(data.regions), 1.0);
  return out;
}

}  // namespace dcmmm
