#include "likelihood/components.hpp"

#include <cmath>
#include <iomanip>
#include <sstream>

namespace dcmmm {
namespace {

double logistic(double value) { return 1.0 / (1.0 + std::exp(-value)); }

}  // namespace

const std::array<ComponentSpec, kComponents>& component_specs() {
  static const std::array<ComponentSpec, kComponents> kSpecs = {{
      {"noise", std::log(0.05), -3.0, 2.0, -5.5, 0.0},
      {"noise_size", 0.5, 0.5, 0.5, -1.0, 2.5},
      {"level", std::log(0.06), -3.0, 1.5, -8.0, 1.0},
      {"level_persistence", 2.5, 2.5, 1.5, -2.0, 6.0},
      {"level_size", 0.3, 0.3, 0.5, -1.0, 2.5},
      {"media_slope", std::log(0.2), -1.5, 1.0, -6.0, 1.5},
      {"season_slope", std::log(0.03), -3.5, 1.5, -8.0, 0.5},
      {"slow", std::log(0.05), -3.0, 1.5, -8.0, 0.5},
      {"slow_persistence", 3.5, 3.5, 1.5, -2.0, 6.0},
      {"fast", std::log(0.02), -3.5, 1.5, -8.0, 0.5},
      {"fast_persistence", 0.0, 0.0, 1.0, -3.0, 3.0},
      {"drift", std::log(0.1), -2.5, 1.0, -6.0, 0.0},
  }};
  return kSpecs;
}

double Components::noise_variance(double log_size, double error_scale) const {
  return error_scale * error_scale *
         std::exp(2 * (*this)[Component::kNoise] - (*this)[Component::kNoiseSize] * log_size);
}

double Components::level_variance(double log_size, double error_scale) const {
  return error_scale * error_scale *
         std::exp(2 * (*this)[Component::kLevel] - (*this)[Component::kLevelSize] * log_size);
}

double Components::level_persistence() const { return logistic((*this)[Component::kLevelPersistence]); }
double Components::media_slope_sd() const { return slopes ? std::exp((*this)[Component::kMediaSlope]) : 0.0; }
double Components::season_slope_sd() const { return slopes ? std::exp((*this)[Component::kSeasonSlope]) : 0.0; }
double Components::drift_sd() const { return drift ? std::exp((*this)[Component::kDrift]) : 0.0; }

std::array<Components::NationalPart, 2> Components::national_parts() const {
  const auto part = [&](Component size, Component persistence) {
    return NationalPart{national ? std::exp(2 * (*this)[size]) : 0.0, logistic((*this)[persistence])};
  };
  return {part(Component::kSlow, Component::kSlowPersistence), part(Component::kFast, Component::kFastPersistence)};
}

double Components::national_covariance(int64_t lag) const {
  double covariance = 0;
  for (const auto& [variance, persistence] : national_parts())
    covariance += variance * std::pow(persistence, static_cast<double>(lag));
  return covariance;
}

Components initial_components(bool national, bool slopes, bool drift) {
  Components components;
  for (std::size_t i = 0; i < kComponents; ++i) components.value[i] = component_specs()[i].start;
  components.national = national;
  components.slopes = slopes;
  components.drift = drift;
  return components;
}

std::string describe(const Components& components) {
  std::ostringstream out;
  out << std::setprecision(3);
  const auto sd = [&](Component component) { return 100 * std::exp(components[component]); };
  // What the sd goes with; no "-0".
  const auto power = [&](Component component) { return 0 - components[component] / 2; };
  out << "noise " << sd(Component::kNoise) << " % (size^" << power(Component::kNoiseSize) << "), level "
      << sd(Component::kLevel) << " % at persistence " << components.level_persistence() << " (size^"
      << power(Component::kLevelSize) << ")";
  if (components.slopes)
    out << ", regions' slopes: media " << sd(Component::kMediaSlope) << " % of the effect, season "
        << sd(Component::kSeasonSlope) << " %";
  if (components.national)
    out << ", national: slow " << sd(Component::kSlow) << " % at " << logistic(components[Component::kSlowPersistence])
        << ", fast " << sd(Component::kFast) << " % at " << logistic(components[Component::kFastPersistence]);
  if (components.drift) out << ", drift of the coefficients: " << sd(Component::kDrift) << " %";
  return out.str();
}

}  // namespace dcmmm
