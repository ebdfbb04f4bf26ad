// Carry-over and saturation of the channels, and the columns that a region's regression has for them.
// Shapes: T weeks, C channels, K controls, S patterns, B waves of drift, P columns.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <vector>

#include "likelihood/drift.hpp"
#include "likelihood/options.hpp"
#include "likelihood/panel_data.hpp"

namespace dcmmm {

/// Parameters of the curves on the whole real line; `coordinates` are [logit d | softplus^-1(a - a_min) | log g], C
/// each, and, where the carry-over of any channel peaks late, C of logit(peak / (max_lag - 1)), of which the other
/// channels' do nothing.
struct Shapes {
  Eigen::VectorXd coordinates;
  double min_exponent = 2.0, max_exponent = std::numeric_limits<double>::infinity();
  std::vector<int64_t> delayed_channels = {};
  int64_t max_lag = 13;

  int64_t blocks() const { return delayed_channels.empty() ? 3 : 4; }
  int64_t channels() const { return coordinates.size() / blocks(); }
  bool is_delayed(int64_t channel) const;
  double peak(int64_t channel) const;  // weeks
  double decay(int64_t channel) const;
  double exponent(int64_t channel) const;        // cut at max_exponent
  double exponent_slope(int64_t channel) const;  // by its coordinate; 0 beyond max_exponent
  double log_half(int64_t channel) const;
  double half_saturation(int64_t channel) const;
};

/// Every channel at the priors' centres.
Shapes initial_shapes(const LikelihoodOptions& options, int64_t channels);
/// The priors' standard deviations of the coordinates, in their order.
Eigen::VectorXd prior_sd_of_shapes(const LikelihoodOptions& options, int64_t channels);
/// The priors' precision: exponents vary together, but for those of channels whose own is known.
Eigen::MatrixXd prior_precision_of_shapes(const LikelihoodOptions& options, int64_t channels);
/// Coordinate of an exponent or decay, the inverse of the above.
double exponent_coordinate(double exponent, double min_exponent);
double decay_coordinate(double decay);

/// What stays fixed while curves and effects move: the responses in which regions differ and on which coefficients
/// drift, taken at an earlier point's curves and shares.
struct Frozen {
  Shapes shapes;
  Eigen::VectorXd mean_C;   // mean response there, over training cells weighted by m_r; 0: the channel is off
  Eigen::VectorXd share_C;  // shares of the target that scale differences and drift
  Waves waves;              // none: coefficients are constant
  RowMatrix wave_mean_CB;   // means of the waves where the channel works, so that drift leaves its share as it is

  /// Relative deviation from a channel's coefficient by amplitudes [C * B], [N, C].
  RowMatrix path(const Eigen::VectorXd& amplitudes) const;
};

/// Where each column lies in a region's matrix [T, P]: responses, controls, patterns, waves, then what is asked for of
/// derivatives of the responses and of responses at the frozen shapes, the target last. Waves are columns of the
/// responses at the frozen shapes, scaled such that amplitudes are relative to the frozen share.
struct ColumnLayout {
  int64_t channels, controls, patterns;
  int64_t derivatives = 0;  // of each channel: Shapes::blocks()
  bool has_frozen = false;
  int64_t waves = 0;  // of each channel

  int64_t media(int64_t channel) const { return channel; }
  int64_t linear() const { return channels + controls + patterns + channels * waves; }  // L
  int64_t pattern(int64_t s) const { return channels + controls + s; }
  int64_t wave(int64_t channel, int64_t b) const { return channels + controls + patterns + channel * waves + b; }
  int64_t derivative(int64_t shape, int64_t channel) const { return linear() + shape * channels + channel; }
  int64_t frozen(int64_t channel) const {
    return has_frozen ? linear() + derivatives * channels + channel : media(channel);
  }
  int64_t target() const { return linear() + derivatives * channels + (has_frozen ? channels : 0); }
  int64_t count() const { return target() + 1; }  // P
};

/// Fills one channel's columns: response, derivatives, waves.
void fill_channel(ChannelMedia media, const ColumnLayout& layout, const Shapes& shapes, const Frozen* frozen,
                  int64_t channel, CarriedMedia& carried, RowMatrix& out);

/// Fills columns [T, P] of a region over its first T = out.rows() weeks. `frozen` is read when the layout has frozen
/// responses or waves; without frozen responses its shapes are `shapes`.
void fill_columns(const LikelihoodData& data, const ColumnLayout& layout, const Shapes& shapes, const Frozen* frozen,
                  int64_t region, RowMatrix& out);

}  // namespace dcmmm
