// Settings of the model; the defaults are those of configs/model/default.yaml.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "model/knowledge.hpp"

namespace dcmmm {

/// Which edges between channels the prediction may use (model/adjacency.hpp).
enum class Adjacency { kNone, kTriangular, kNotears };

/// What a region's media are measured against before they enter its curve: the region's own mean, or the nation's mean
/// per unit of the regions' size (mean target, or population), so that regions with more media are further up the
/// curve. kAuto: the likelihood lets the panel decide (trainer/panel_scales.hpp), the descent takes the region's mean.
enum class MediaUnit { kAuto, kRegion, kTarget, kPopulation };

/// "auto", "region", "target" or "population", and back.
std::string name_of(MediaUnit unit);
MediaUnit media_unit(const std::string& name);

/// A channel whose media are its reach, and the control that holds how often those reached were, on average.
struct FrequencyOf {
  int64_t channel, control;
};

/// Contacts a week that a half-saturation of 1 stands for, of such a channel.
inline constexpr double kFrequencyUnit = 2.0;

struct ModelOptions {
  bool media = true, controls = true;  // whether they have effects
  bool share_of_voice = false;         // media are their parts of a week's total, not levels
  MediaUnit media_unit = MediaUnit::kAuto;
  double size_offset = 0;  // KPI units: a region's size is its mean target less this (trainer/panel_scales.hpp)

  // Carry-over and saturation: starting values and the priors' standard deviations (of logit d, softplus^-1(a - a_min),
  // log g).
  double decay = 0.4, decay_prior_sd = 0.7;
  // Channels whose carry-over peaks late (Jin et al. 2017): weights d^((l - peak)^2) over max_lag weeks.
  bool delayed = false;                    // all of them, but
  std::map<std::string, bool> delayed_of;  // these, by name
  std::vector<int64_t> delayed_channels;   // what follows from the two (with_names)
  int64_t max_lag = 13;
  double peak = 1.0, peak_prior_sd = 1.0;  // weeks; of the logit of peak / (max_lag - 1)
  bool hill = true;                        // false: effects are linear in the carried-over media
  double min_exponent = 2.0, exponent = 2.2, exponent_prior_sd = 0.5;
  double max_exponent = std::numeric_limits<double>::infinity();
  double half_saturation = 1.0, half_saturation_prior_sd = 0.7;
  // Channels with reach and frequency: the curve is the frequency's, and what is carried over is reach times it.
  std::map<std::string, std::string> frequency_of;  // control by channel, both by name
  std::vector<FrequencyOf> frequencies;             // what follows (with_names)
  double coefficient_prior_sd = 0.5;                // tau_b, around the closed form

  // A graph of the channels inside the prediction, with penalties on its weights and on its cycles.
  Adjacency adjacency = Adjacency::kNone;
  double adjacency_temperature = 0.5, adjacency_sparsity = 0.005, adjacency_acyclicity = 1.0;

  // Baseline: penalty lam of its weekly changes against the data, persistence phi around the region's level.
  double stiffness = 20.0, persistence = 0.95;

  int harmonics = 2;   // of the yearly season
  bool trend = false;  // a shared linear trend beside the season

  // GRU: its output moves the coefficients' logs by at most `gru_scale`.
  bool gru = true;
  int64_t hidden = 32;
  double gru_scale = 0.3;
  double gru_level_sd = 0.1, gru_change_sd = 0.01;  // of the deviations and of their weekly changes
  double gru_weight = 1.0;                          // of these two penalties
  double gru_weight_decay = 0.005;

  // Region effects.
  double region_coefficient_sd = 0.1;  // tau_u
  double region_scale_sd = 0.05;       // tau_s
  bool region_patterns = false;        // regions have patterns of their own: set by the likelihood, not by the descent

  // Loss.
  double size_power = 1.5;     // a region's weight is (mean target)^p
  double huber_delta = 2.0;    // in robust standard deviations; 0: squared loss
  bool huber_of_mean = false;  // delta is a share of the region's mean target instead
  double tempering = 0.02;     // kap: residuals correlate over regions, so n cells count as kap n

  // Ridge in the metric of the data.
  double ridge = 20.0, ridge_controls = 5.0, ridge_media = 0.3, ridge_patterns = 1.0, ridge_events = 0.3;
  double l1_coefficients = 0.0, l1_gru_output = 0.0;

  Knowledge knowledge = {};  // what the descent takes from outside
};

/// The options with `delayed_channels` and `frequencies` settled for a panel's channels and controls. Throws UserError
/// for a name that is none of them, and where a channel with a frequency can't have what else is asked for.
ModelOptions with_names(ModelOptions options, const std::vector<std::string>& channels,
                        const std::vector<std::string>& controls);

}  // namespace dcmmm
