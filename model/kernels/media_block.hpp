// The media kernels for registers of one width; compiled as gru_block.hpp is (media.cpp, media_wide.cpp). A region's
// channels are done a column of L = kLanes at a time: with the weeks it is one stretch of memory, and exp and log run
// on whole registers. What pads the last column is 0. Shapes: T weeks, C channels, L lanes.
#pragma once

#include <cmath>

#include "model/kernels/media.hpp"
#include "model/kernels/sigmoid.hpp"
#include "model/kernels/tile_product.hpp"

namespace dcmmm::kernels {

/// Numbers that a column needs: five arrays of its weeks and one more, and some of its channels.
template <class Real>
int64_t media_scratch(int64_t weeks, int register_bytes) {
  return (5 * (weeks + 1) + 6) * register_bytes / static_cast<int64_t>(sizeof(Real));
}

template <class Real, int kBytes>
using Vector = typename Register<Real, kBytes>::Type;

template <class Real, int kBytes>
[[gnu::always_inline]] inline Vector<Real, kBytes> load(const Real* from) {
  return *reinterpret_cast<const Vector<Real, kBytes>*>(from);
}

template <class Real, int kBytes>
[[gnu::always_inline]] inline void store(Vector<Real, kBytes> value, Real* to) {
  *reinterpret_cast<Vector<Real, kBytes>*>(to) = value;
}

// Channels [first, first + count) of all weeks, by whole registers for as long as they don't reach beyond the weeks.
template <class Real, int kBytes>
void load_column(const Real* from_TC, int64_t weeks, int64_t channels, int64_t first, int64_t count, Real* to_TL) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const Real* end = from_TC + weeks * channels;
  Real inside_L[kLanes];
  for (int64_t lane = 0; lane < kLanes; ++lane) inside_L[lane] = lane < count ? Real(1) : Real(0);
  const Vector<Real, kBytes> none{};
  const auto inside = load<Real, kBytes>(inside_L) != none;
  for (from_TC += first; weeks > 0 && from_TC + kLanes <= end; --weeks, from_TC += channels, to_TL += kLanes)
    store<Real, kBytes>(inside ? load<Real, kBytes>(from_TC) : none, to_TL);
  for (; weeks > 0; --weeks, from_TC += channels, to_TL += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) to_TL[lane] = lane < count ? from_TC[lane] : Real(0);
}

// The other way. What a column that isn't full puts beyond itself is the next week's, and is written over: columns are
// stored from the last to the first.
template <class Real, int kBytes>
void store_column(const Real* from_TL, int64_t weeks, int64_t channels, int64_t first, int64_t count, Real* to_TC) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const Real* end = to_TC + weeks * channels;
  for (to_TC += first; weeks > 0 && to_TC + kLanes <= end; --weeks, to_TC += channels, from_TL += kLanes)
    store<Real, kBytes>(load<Real, kBytes>(from_TL), to_TC);
  for (; weeks > 0; --weeks, to_TC += channels, from_TL += kLanes)
    for (int64_t lane = 0; lane < count; ++lane) to_TC[lane] = from_TL[lane];
}

// The first channel of the last column.
template <class Real, int kBytes>
int64_t last_column(int64_t channels) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  return (channels - 1) / kLanes * kLanes;
}

// Adds a column's sums to those of all weeks, and begins again.
template <class Real, int kBytes>
[[gnu::always_inline]] inline void add_column(Vector<Real, kBytes>& sums, int64_t count, double* to_C) {
  for (int64_t lane = 0; lane < count; ++lane) to_C[lane] += static_cast<double>(sums[lane]);
  sums = Vector<Real, kBytes>{};
}

inline constexpr int64_t kWeeksInReal = 8;

// The media curves' parameters of a column.
template <class Real, int kBytes>
struct CurveColumn {
  Real *inverse_scale_L, *decay_L, *exponent_L, *log_half_L;

  CurveColumn(const AdstockHill<Real>& region, int64_t first, int64_t count, Real* scratch) {
    constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
    inverse_scale_L = scratch;
    decay_L = inverse_scale_L + kLanes;
    exponent_L = decay_L + kLanes;
    log_half_L = exponent_L + kLanes;
    load_column<Real, kBytes>(region.inverse_scale_C, 1, region.channels, first, count, inverse_scale_L);
    load_column<Real, kBytes>(region.decay_C, 1, region.channels, first, count, decay_L);
    load_column<Real, kBytes>(region.exponent_C, 1, region.channels, first, count, exponent_L);
    load_column<Real, kBytes>(region.log_half_C, 1, region.channels, first, count, log_half_L);
  }
};

// The adstock before the first week.
template <class Real, int kBytes>
void load_carry(const AdstockHill<Real>& region, int64_t first, int64_t count, Real* state_L) {
  if (region.carry_in_C != nullptr)
    load_column<Real, kBytes>(region.carry_in_C, 1, region.channels, first, count, state_L);
  else
    for (int64_t lane = 0; lane < Register<Real, kBytes>::kLanes; ++lane) state_L[lane] = Real(0);
}

// Scales media, x' = min(x inverse_scale, 50), and carries over, ad_t = d ad_{t-1} + (1 - d) x'_t; states begin with
// the one before the first week.
template <class Real, int kBytes>
void run_adstock(const CurveColumn<Real, kBytes>& curve, int64_t weeks, Real* media_TL, Real* states_TL) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const auto inverse_scale = load<Real, kBytes>(curve.inverse_scale_L), decay = load<Real, kBytes>(curve.decay_L);
  const auto most = Vector<Real, kBytes>{} + static_cast<Real>(kMaxScaledMedia);
  auto state = load<Real, kBytes>(states_TL);
  for (int64_t i = 0; i < weeks * kLanes; i += kLanes) {
    const auto scaled = load<Real, kBytes>(media_TL + i) * inverse_scale, media = scaled < most ? scaled : most;
    state = decay * state + (Real(1) - decay) * media;
    store<Real, kBytes>(media, media_TL + i);
    store<Real, kBytes>(state, states_TL + kLanes + i);
  }
}

// log(ad + 1e-4), and the curve: sigmoid(a (log - log g)).
template <class Real, int kBytes>
void run_hill(const CurveColumn<Real, kBytes>& curve, int64_t weeks, const Real* adstock_TL, Real* log_TL,
              Real* response_TL) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
#pragma GCC ivdep
  for (int64_t i = 0; i < weeks * kLanes; ++i) log_TL[i] = std::log(adstock_TL[i] + static_cast<Real>(kHillOffset));
  const auto exponent = load<Real, kBytes>(curve.exponent_L), log_half = load<Real, kBytes>(curve.log_half_L);
  for (int64_t i = 0; i < weeks * kLanes; i += kLanes)
    store<Real, kBytes>(exponent * (load<Real, kBytes>(log_TL + i) - log_half), response_TL + i);
#pragma GCC ivdep
  for (int64_t i = 0; i < weeks * kLanes; ++i) response_TL[i] = sigmoid(response_TL[i]);
}

template <class Real, int kBytes>
void adstock_hill_forward_block(const AdstockHill<Real>& region, Real* scratch) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const int64_t weeks = region.weeks, channels = region.channels, cells = weeks * kLanes;
  Real *media_TL = scratch, *states_TL = media_TL + cells, *log_TL = states_TL + cells + kLanes,
       *response_TL = log_TL + cells, *of_channels = response_TL + cells;
  for (int64_t first = last_column<Real, kBytes>(channels); first >= 0; first -= kLanes) {
    const int64_t count = channels - first < kLanes ? channels - first : kLanes;
    const CurveColumn<Real, kBytes> curve(region, first, count, of_channels);
    load_column<Real, kBytes>(region.media_TC, weeks, channels, first, count, media_TL);
    load_carry<Real, kBytes>(region, first, count, states_TL);
    run_adstock(curve, weeks, media_TL, states_TL);
    run_hill(curve, weeks, states_TL + kLanes, log_TL, response_TL);
    store_column<Real, kBytes>(response_TL, weeks, channels, first, count, region.response_TC);
    if (region.carry_out_C != nullptr)
      store_column<Real, kBytes>(states_TL + cells, 1, channels, first, count, region.carry_out_C);
  }
}

template <class Real, int kBytes>
void adstock_hill_backward_block(const AdstockHill<Real>& region, const Real* grad_response_TC, double* grad_decay_C,
                                 double* grad_exponent_C, double* grad_log_half_C, Real* scratch) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const int64_t weeks = region.weeks, channels = region.channels, cells = weeks * kLanes;
  Real *media_TL = scratch, *states_TL = media_TL + cells, *log_TL = states_TL + cells + kLanes,
       *slope_TL = log_TL + cells, *grad_TL = slope_TL + cells, *of_channels = grad_TL + cells;
  for (int64_t first = last_column<Real, kBytes>(channels); first >= 0; first -= kLanes) {
    const int64_t count = channels - first < kLanes ? channels - first : kLanes;
    const CurveColumn<Real, kBytes> curve(region, first, count, of_channels);
    load_column<Real, kBytes>(region.media_TC, weeks, channels, first, count, media_TL);
    load_carry<Real, kBytes>(region, first, count, states_TL);
    load_column<Real, kBytes>(grad_response_TC, weeks, channels, first, count, grad_TL);
    run_adstock(curve, weeks, media_TL, states_TL);
    run_hill(curve, weeks, states_TL + kLanes, log_TL, slope_TL);
#pragma GCC ivdep
    for (int64_t i = 0; i < cells; ++i) slope_TL[i] = grad_TL[i] * slope_TL[i] * (Real(1) - slope_TL[i]);
    // Of a few weeks, backwards, in the model's precision; of all weeks in double.
    Vector<Real, kBytes> later{}, to_decay{}, to_exponent{}, to_log_half{};  // later: dL/d ad_t through later weeks
    const auto decay = load<Real, kBytes>(curve.decay_L), exponent = load<Real, kBytes>(curve.exponent_L),
               log_half = load<Real, kBytes>(curve.log_half_L);
    for (int64_t week = weeks - 1; week >= 0; --week) {
      const int64_t i = week * kLanes;
      const auto before = load<Real, kBytes>(states_TL + i), adstock = load<Real, kBytes>(states_TL + i + kLanes),
                 slope = load<Real, kBytes>(slope_TL + i), by_exponent = slope * exponent;
      const auto grad_adstock = by_exponent / (adstock + static_cast<Real>(kHillOffset)) + later;
      later = grad_adstock * decay;
      to_exponent += slope * (load<Real, kBytes>(log_TL + i) - log_half);
      to_log_half -= by_exponent;
      to_decay += grad_adstock * (before - load<Real, kBytes>(media_TL + i));
      if (week % kWeeksInReal != 0) continue;
      add_column<Real, kBytes>(to_decay, count, grad_decay_C + first);
      add_column<Real, kBytes>(to_exponent, count, grad_exponent_C + first);
      add_column<Real, kBytes>(to_log_half, count, grad_log_half_C + first);
    }
  }
}

// log_mean + offset + deviation; without deviations, of one week that stands for all. Returns how far it is from one
// week's levels to the next.
template <class Real, int kBytes>
int64_t load_levels(const ChannelEffect<Real>& region, int64_t first, int64_t count, Real* of_channels_L,
                    Real* level_TL) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    of_channels_L[lane] = lane < count ? region.log_mean_C[first + lane] + region.offset_C[first + lane] : Real(0);
  if (region.deviation_TC == nullptr) {
    for (int64_t lane = 0; lane < kLanes; ++lane) level_TL[lane] = of_channels_L[lane];
    return 0;
  }
  load_column<Real, kBytes>(region.deviation_TC, region.weeks, region.channels, first, count, level_TL);
  const auto of_channels = load<Real, kBytes>(of_channels_L);
  for (int64_t i = 0; i < region.weeks * kLanes; i += kLanes)
    store<Real, kBytes>(load<Real, kBytes>(level_TL + i) + of_channels, level_TL + i);
  return kLanes;
}

template <class Real, int kBytes>
void channel_effect_forward_block(const ChannelEffect<Real>& region, Real* scratch) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const int64_t weeks = region.weeks, channels = region.channels, cells = weeks * kLanes;
  Real *level_TL = scratch, *response_TL = level_TL + cells + kLanes, *of_channels = response_TL + cells;
  for (int64_t week = 0; week < weeks; ++week) region.effect_T[week] = Real(0);
  for (int64_t first = last_column<Real, kBytes>(channels); first >= 0; first -= kLanes) {
    const int64_t count = channels - first < kLanes ? channels - first : kLanes;
    const int64_t step = load_levels<Real, kBytes>(region, first, count, of_channels, level_TL);
    load_column<Real, kBytes>(region.response_TC, weeks, channels, first, count, response_TL);
    // softplus(v) = max(v, 0) + log(1 + exp(-|v|)), without overflow.
    const int64_t numbers = step > 0 ? cells : kLanes;
#pragma GCC ivdep
    for (int64_t i = 0; i < numbers; ++i) {
      const Real level = level_TL[i];
      level_TL[i] = (level > Real(0) ? level : Real(0)) + std::log(Real(1) + std::exp(-std::abs(level)));
    }
    for (int64_t week = 0; week < weeks; ++week) {
      const auto products =
          load<Real, kBytes>(level_TL + week * step) * load<Real, kBytes>(response_TL + week * kLanes);
      Real sum = 0;
      for (int64_t lane = 0; lane < kLanes; ++lane) sum += products[lane];
      region.effect_T[week] += sum;
    }
  }
}

template <class Real, int kBytes>
void channel_effect_backward_block(const ChannelEffect<Real>& region, const Real* grad_effect_T, Real* grad_response_TC,
                                   Real* grad_deviation_TC, double* grad_offset_C, Real* scratch) {
  constexpr int64_t kLanes = Register<Real, kBytes>::kLanes;
  const int64_t weeks = region.weeks, channels = region.channels, cells = weeks * kLanes;
  Real *slope_TL = scratch, *coefficient_TL = slope_TL + cells + kLanes, *response_TL = coefficient_TL + cells + kLanes,
       *to_response_TL = response_TL + cells, *of_channels = to_response_TL + cells;
  for (int64_t first = last_column<Real, kBytes>(channels); first >= 0; first -= kLanes) {
    const int64_t count = channels - first < kLanes ? channels - first : kLanes;
    const int64_t step = load_levels<Real, kBytes>(region, first, count, of_channels, slope_TL);
    load_column<Real, kBytes>(region.response_TC, weeks, channels, first, count, response_TL);
    // softplus as above; its slope is the logistic function, from the same exponential.
    const int64_t numbers = step > 0 ? cells : kLanes;
#pragma GCC ivdep
    for (int64_t i = 0; i < numbers; ++i) {
      const Real level = slope_TL[i], exponential = std::exp(-std::abs(level));
      const Real share = Real(1) / (Real(1) + exponential);
      coefficient_TL[i] = (level > Real(0) ? level : Real(0)) + std::log(Real(1) + exponential);
      slope_TL[i] = level >= Real(0) ? share : exponential * share;
    }
    Vector<Real, kBytes> to_offset{};
    for (int64_t week = 0; week < weeks; ++week) {
      const Real grad = grad_effect_T[week];
      Real* response = response_TL + week * kLanes;  // dL/d deviation from here on
      const auto to_deviation = grad * load<Real, kBytes>(slope_TL + week * step) * load<Real, kBytes>(response);
      store<Real, kBytes>(grad * load<Real, kBytes>(coefficient_TL + week * step), to_response_TL + week * kLanes);
      store<Real, kBytes>(to_deviation, response);
      to_offset += to_deviation;
      if (week % kWeeksInReal == kWeeksInReal - 1 || week == weeks - 1)
        add_column<Real, kBytes>(to_offset, count, grad_offset_C + first);
    }
    store_column<Real, kBytes>(to_response_TL, weeks, channels, first, count, grad_response_TC);
    if (grad_deviation_TC != nullptr)
      store_column<Real, kBytes>(response_TL, weeks, channels, first, count, grad_deviation_TC);
  }
}

}  // namespace dcmmm::kernels
