// The variance components of the likelihood: how much regions and nation wander, and how noisy a cell is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dcmmm {

/// Places of the components, each on the scale on which it is estimated.
enum class Component {
  kNoise,             // log sd of a cell's noise, at the mean region's size
  kNoiseSize,         // its variance goes with (m_r / mean m)^-value
  kLevel,             // log stationary sd of a region's level
  kLevelPersistence,  // logit of its AR(1) coefficient
  kLevelSize,         // its variance goes with (m_r / mean m)^-value
  kMediaSlope,        // log sd of the regions' relative differences in the response to a channel
  kSeasonSlope,       // log sd of the regions' own season
  kSlow,              // log stationary sd of the national level's slow part
  kSlowPersistence,   // logit
  kFast,              // log stationary sd of its fast part
  kFastPersistence,   // logit
  kDrift,             // log sd of the coefficients' relative drift over time
};
inline constexpr std::size_t kComponents = 12;

/// Name, start, prior (normal) and bounds of a component. Source: docs/likelihood.md.
struct ComponentSpec {
  const char* name;
  double start, prior_mean, prior_sd, low, high;
};
const std::array<ComponentSpec, kComponents>& component_specs();

struct Components {
  std::array<double, kComponents> value{};
  bool national = true, slopes = true, drift = true;

  double operator[](Component component) const { return value[static_cast<std::size_t>(component)]; }
  double& operator[](Component component) { return value[static_cast<std::size_t>(component)]; }

  double noise_variance(double log_size, double error_scale) const;
  double level_variance(double log_size, double error_scale) const;  // stationary
  double level_persistence() const;
  double media_slope_sd() const;  // 0 without slopes
  double season_slope_sd() const;
  double drift_sd() const;  // 0 without drift

  /// The national level's two AR(1) parts, slow and fast; their variances are 0 without one.
  struct NationalPart {
    double variance, persistence;  // stationary
  };
  std::array<NationalPart, 2> national_parts() const;
  /// Covariance of the national level `lag` weeks apart; 0 without one.
  double national_covariance(int64_t lag) const;
};

/// All at their starts.
Components initial_components(bool national, bool slopes, bool drift);

/// For the log: sds and persistences in their own units.
std::string describe(const Components& components);

}  // namespace dcmmm
