// Carry-over and saturation of the channels, and the columns that a region's regression has for them.
// Shapes: T weeks, C channels, K controls, S patterns, P columns.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "likelihood/options.hpp"
#include "likelihood/panel_data.hpp"

namespace dcmmm {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Parameters of the curves on the whole real line; `coordinates` are [logit d | softplus^-1(a - a_min) | log g], C
/// each.
struct Shapes {
  Eigen::VectorXd coordinates;
  double min_exponent = 2.0;

  int64_t channels() const { return coordinates.size() / 3; }
  double decay(int64_t channel) const;
  double exponent(int64_t channel) const;
  double log_half(int64_t channel) const;
  double half_saturation(int64_t channel) const;
};

/// Every channel at the priors' centres.
Shapes initial_shapes(const LikelihoodOptions& options, int64_t channels);
/// Coordinate of an exponent or decay, the inverse of the above.
double exponent_coordinate(double exponent, double min_exponent);
double decay_coordinate(double decay);

/// Where each column lies in a region's matrix [T, P]: responses, controls, patterns, then what is asked for of
/// derivatives of the responses and of responses at the shapes where the regions' slopes were frozen, the target last.
struct ColumnLayout {
  int64_t channels, controls, patterns;
  bool has_derivatives = false, has_slopes = false;

  int64_t media(int64_t channel) const { return channel; }
  int64_t linear() const { return channels + controls + patterns; }  // L
  int64_t pattern(int64_t s) const { return channels + controls + s; }
  int64_t derivative(int64_t shape, int64_t channel) const { return linear() + shape * channels + channel; }
  int64_t slope(int64_t channel) const { return linear() + (has_derivatives ? 3 * channels : 0) + channel; }
  int64_t target() const { return linear() + (has_derivatives ? 3 * channels : 0) + (has_slopes ? channels : 0); }
  int64_t count() const { return target() + 1; }  // P
};

/// Fills columns [T, P] of a region over its first T = out.rows() weeks. `slope_shapes` is read when the layout has
/// slopes.
void fill_columns(const LikelihoodData& data, const ColumnLayout& layout, const Shapes& shapes,
                  const Shapes& slope_shapes, int64_t region, RowMatrix& out);

}  // namespace dcmmm
