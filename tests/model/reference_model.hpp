// The model of docs/model.md once more: plain loops over doubles and dense matrices, for one fit. Slow on purpose, and
// written from the equations, not from the code it checks.
// R regions, T weeks, C channels, K controls, S patterns, H hidden units, F = C + K + S linear terms.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "model/options.hpp"
#include "tests/model/dense.hpp"

namespace dcmmm::testing {

/// Parameters by name, flat: shared ones, and local ones with the region first.
using Values = std::map<std::string, std::vector<double>>;

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }
inline double soft_plus(double x) { return std::log1p(std::exp(x)); }

class ReferenceModel {
 public:
  ReferenceModel(const Panel& panel, const ModelOptions& options, int64_t origin)
      : panel_(panel),
        options_(options),
        regions_(panel.regions),
        weeks_(panel.weeks()),
        channels_(panel.channels()),
        controls_(panel.controls()),
        origin_(origin) {
    weight_RT = Matrix(size_t(regions_), Row(size_t(weeks_), 0.0));
    for (int64_t r = 0; r < regions_; ++r)
      for (int64_t t = 0; t < origin_; ++t) weight_RT[r][t] = observed(r, t);
    set_scales();
  }

  // y', x', z' and weights, by region and week.
  Row mean_R, region_weight_R;                 // m_r, w_r
  Matrix weight_RT;                            // M, may be changed (Huber)
  std::vector<Matrix> media_RTC, control_RTK;  // x', z'
  double cells = 0;                            // n

  Row pattern(int64_t t) const {
    Row row;
    for (int k = 1; k <= options_.harmonics; ++k) {
      row.push_back(std::sin(2 * std::numbers::pi * k * static_cast<double>(t) / 52.18));
      row.push_back(std::cos(2 * std::numbers::pi * k * static_cast<double>(t) / 52.18));
    }
    if (options_.trend) row.push_back(static_cast<double>(t) / 52.18);
    return row;
  }

  Matrix responses(const Values& p, int64_t r) const {  // h [T, C]
    Matrix out = zeros(size_t(weeks_), size_t(channels_));
    for (int64_t c = 0; c < channels_; ++c) {
      const double d = logistic(p.at("adstock.decay_logit")[c]),
                   a = std::min(options_.min_exponent + soft_plus(p.at("hill.exponent_raw")[c]), options_.max_exponent);
      for (int64_t t = 0; t < weeks_; ++t) {
        double adstock = 0, weights = 0;
        const auto& delayed = options_.delayed_channels;
        const auto place = std::find(delayed.begin(), delayed.end(), c);
        if (place == delayed.end()) {
          for (int64_t s = 0; s <= t; ++s)  // the recursion written out: (1 - d) sum_s d^(t-s) x'_s
            adstock += (1 - d) * std::pow(d, static_cast<double>(t - s)) * media_RTC[r][s][c];
        } else {
          const double peak = static_cast<double>(options_.max_lag - 1) *
                              logistic(p.at("adstock.peak_logit")[size_t(place - delayed.begin())]);
          for (int64_t lag = 0; lag < options_.max_lag; ++lag) {
            const double weight = std::pow(d, std::pow(static_cast<double>(lag) - peak, 2));
            weights += weight;
            if (lag <= t) adstock += weight * media_RTC[r][t - lag][c];
          }
          adstock /= weights;
        }
        out[t][c] = options_.hill
                        ? 1 / (1 + std::pow(std::exp(p.at("hill.log_half_saturation")[c]) / (adstock + 1e-4), a))
                        : adstock;
      }
    }
    if (options_.adjacency != Adjacency::kNone)
      for (Row& h : out) h = blended(p, h);
    return out;
  }

  /// A [C, C]: weights of the edges from row to column.
  Matrix adjacency(const Values& p) const {
    Matrix out = zeros(size_t(channels_), size_t(channels_));
    for (int64_t i = 0; i < channels_; ++i)
      for (int64_t j = 0; j < channels_; ++j)
        if (options_.adjacency == Adjacency::kTriangular ? j > i : j != i)
          out[i][j] = logistic(p.at("adjacency.logit")[i * channels_ + j] / options_.adjacency_temperature);
    return out;
  }

  Row blended(const Values& p, const Row& h) const {
    const Matrix weight = adjacency(p);
    Row out;
    for (size_t j = 0; j < h.size(); ++j) {
      const double mix = logistic(p.at("adjacency.mix_logit")[j]);
      double parents = 0;
      for (size_t i = 0; i < h.size(); ++i) parents += weight[i][j] * h[i];
      out.push_back((1 - mix) * h[j] + mix * parents);
    }
    return out;
  }

  double adjacency_penalty(const Values& p) const {
    if (options_.adjacency == Adjacency::kNone) return 0;
    const Matrix weight = adjacency(p);
    const size_t C = weight.size();
    double sum = 0, cycles = 0, factorial = 1;
    Matrix power = zeros(C, C);
    for (size_t i = 0; i < C; ++i) {
      power[i][i] = 1;
      for (const double value : weight[i]) sum += value;
    }
    for (int k = 1; k < 40; ++k) {  // the exponential's series: weighted walks of k steps that end where they began
      Matrix next = zeros(C, C);
      for (size_t i = 0; i < C; ++i)
        for (size_t j = 0; j < C; ++j)
          for (size_t l = 0; l < C; ++l) next[i][j] += power[i][l] * weight[l][j] * weight[l][j];
      power = next;
      factorial *= k;
      for (size_t i = 0; i < C; ++i) cycles += power[i][i] / factorial;
    }
    return options_.adjacency_sparsity * sum +
           (options_.adjacency == Adjacency::kNotears ? options_.adjacency_acyclicity * cycles : 0);
  }

  Matrix deviations(const Values& p, int64_t r, const Matrix& h) const {  // [T, C]
    Matrix out = zeros(size_t(weeks_), size_t(channels_));
    if (!options_.gru) return out;
    const size_t H = size_t(options_.hidden);
    Row state(H, 0.0);
    for (int64_t t = 0; t < weeks_; ++t) {
      Row input;
      for (int64_t c = 0; c < channels_; ++c) input.push_back(h[t][c] - 0.5);
      for (int64_t k = 0; k < controls_; ++k) input.push_back(control_RTK[r][t][k]);
      for (int s = 0; s < 2 * options_.harmonics; ++s) input.push_back(pattern(t)[s]);
      Row from_input(3 * H), from_state(3 * H);
      for (size_t g = 0; g < 3 * H; ++g) {
        from_input[g] = p.at("gru.bias_input")[g];
        from_state[g] = p.at("gru.bias_hidden")[g];
        for (size_t i = 0; i < input.size(); ++i)
          from_input[g] += p.at("gru.weight_input")[g * input.size() + i] * input[i];
        for (size_t i = 0; i < H; ++i) from_state[g] += p.at("gru.weight_hidden")[g * H + i] * state[i];
      }
      for (size_t j = 0; j < H; ++j) {
        const double reset = logistic(from_input[j] + from_state[j]),
                     update = logistic(from_input[H + j] + from_state[H + j]);
        state[j] = (1 - update) * std::tanh(from_input[2 * H + j] + reset * from_state[2 * H + j]) + update * state[j];
      }
      for (int64_t c = 0; c < channels_; ++c) {
        double output = p.at("gru.output_bias")[c];
        for (size_t j = 0; j < H; ++j) output += p.at("gru.output_weight")[c * H + j] * state[j];
        out[t][c] = options_.gru_scale * std::tanh(output);
      }
    }
    return out;
  }

  Row effect(const Values& p, int64_t r, const Matrix& h, const Matrix& deviation) const {  // f [T]
    Row f(size_t(weeks_), 0.0);
    for (int64_t t = 0; t < weeks_; ++t) {
      for (int64_t c = 0; c < channels_; ++c)
        f[t] += h[t][c] * soft_plus(p.at("coefficient.log_mean")[c] +
                                    p.at("coefficient.region_effect")[r * channels_ + c] + deviation[t][c]);
      for (int64_t k = 0; k < controls_; ++k) f[t] += p.at("control.coefficient")[k] * control_RTK[r][t][k];
      const Row season = pattern(t);
      for (size_t s = 0; s < season.size(); ++s)
        f[t] += (1 + p.at("pattern.region_scale")[r]) * p.at("pattern.coefficient")[s] * season[s];
    }
    return f;
  }

  /// yhat / m_r of all weeks.
  Row prediction(const Values& p, int64_t r) const {
    const Matrix h = responses(p, r);
    Row f = effect(p, r, h, deviations(p, r, h));
    Row residual(f.size());
    for (int64_t t = 0; t < weeks_; ++t) residual[t] = scaled_target(r, t) - f[t];
    const Row baseline = times(smoother(r), residual);
    for (int64_t t = 0; t < weeks_; ++t) f[t] += baseline[t];
    return f;
  }

  struct Loss {
    double data = 0, deviation = 0, region = 0;
  };
  Loss loss(const Values& p, double variance) const {
    Loss out;
    double level = 0, change = 0;
    for (int64_t r = 0; r < regions_; ++r) {
      const Matrix h = responses(p, r), deviation = deviations(p, r, h);
      const Row f = effect(p, r, h, deviation);
      for (int64_t t = 0; t < origin_; ++t)
        for (int64_t c = 0; c < channels_; ++c) {
          level += std::pow(deviation[t][c], 2) / static_cast<double>(regions_ * origin_ * channels_);
          if (t > 0)
            change += std::pow(deviation[t][c] - deviation[t - 1][c], 2) /
                      static_cast<double>(regions_ * (origin_ - 1) * channels_);
        }
      for (int64_t c = 0; c < channels_; ++c)
        out.region +=
            0.5 * std::pow(p.at("coefficient.region_effect")[r * channels_ + c] / options_.region_coefficient_sd, 2) /
            cells;
      out.region += 0.5 * std::pow(p.at("pattern.region_scale")[r] / options_.region_scale_sd, 2) / cells;
      if (region_weight_R[r] == 0) continue;
      Row residual(f.size());
      for (int64_t t = 0; t < weeks_; ++t) residual[t] = scaled_target(r, t) - f[t];
      out.data += region_weight_R[r] * profiled_square(r, smoother(r), residual, residual) / (2 * variance * cells);
    }
    if (options_.gru)
      out.deviation = options_.gru_weight * (level / (2 * std::pow(options_.gru_level_sd, 2)) +
                                             change / (2 * std::pow(options_.gru_change_sd, 2)));
    return out;
  }

  /// `center`: the priors' centres; metric_F: A's diagonal.
  double shared_penalty(const Values& p, const Values& center, const Row& metric_F, double variance) const {
    double priors = 0, ridge = 0, lasso = 0;
    const std::pair<const char*, double> sd[] = {{"adstock.decay_logit", options_.decay_prior_sd},
                                                 {"hill.exponent_raw", options_.exponent_prior_sd},
                                                 {"hill.log_half_saturation", options_.half_saturation_prior_sd},
                                                 {"coefficient.log_mean", options_.coefficient_prior_sd}};
    for (const auto& [name, tau] : sd)
      for (int64_t c = 0; c < channels_; ++c) priors += 0.5 * std::pow((p.at(name)[c] - center.at(name)[c]) / tau, 2);
    for (size_t i = 0; i < options_.delayed_channels.size(); ++i)
      priors +=
          0.5 *
          std::pow((p.at("adstock.peak_logit")[i] - center.at("adstock.peak_logit")[i]) / options_.peak_prior_sd, 2);
    if (options_.gru) {
      for (const char* name : {"gru.weight_input", "gru.weight_hidden", "gru.bias_input", "gru.bias_hidden"})
        for (const double weight : p.at(name)) priors += options_.gru_weight_decay * weight * weight;
      for (const double weight : p.at("gru.output_weight")) lasso += options_.l1_gru_output * std::abs(weight);
    }
    for (int64_t c = 0; c < channels_; ++c) {
      const double beta = soft_plus(p.at("coefficient.log_mean")[c]);
      ridge += options_.ridge_media * metric_F[c] * beta * beta;
      lasso += options_.l1_coefficients * beta;
    }
    for (int64_t k = 0; k < controls_; ++k)
      ridge += options_.ridge_controls * metric_F[channels_ + k] * std::pow(p.at("control.coefficient")[k], 2);
    for (size_t s = 0; s < pattern(0).size(); ++s)
      ridge +=
          options_.ridge_patterns * metric_F[channels_ + controls_ + s] * std::pow(p.at("pattern.coefficient")[s], 2);
    return priors / (options_.tempering * cells) + 0.5 * options_.ridge * 0.01 * ridge / (variance * cells) + lasso +
           adjacency_penalty(p);
  }

  /// sum_r w_r V'Q_r V of the columns V = [h, z', patterns, y'], (F + 1) x (F + 1).
  Matrix gram(const Values& p) const {
    const size_t F = size_t(channels_ + controls_) + pattern(0).size();
    Matrix out = zeros(F + 1, F + 1);
    for (int64_t r = 0; r < regions_; ++r) {
      if (region_weight_R[r] == 0) continue;
      const Matrix h = responses(p, r), of_region = smoother(r);
      Matrix columns = zeros(F + 1, size_t(weeks_));
      for (int64_t t = 0; t < weeks_; ++t) {
        Row row(h[t]);
        row.insert(row.end(), control_RTK[r][t].begin(), control_RTK[r][t].end());
        const Row season = pattern(t);
        row.insert(row.end(), season.begin(), season.end());
        row.push_back(scaled_target(r, t));
        for (size_t i = 0; i <= F; ++i) columns[i][t] = row[i];
      }
      for (size_t i = 0; i <= F; ++i)
        for (size_t j = 0; j <= F; ++j)
          out[i][j] += region_weight_R[r] * profiled_square(r, of_region, columns[i], columns[j]);
    }
    return out;
  }

  double scaled_target(int64_t r, int64_t t) const {
    return mean_R[r] > 0 ? panel_.target_RT[r * weeks_ + t] / mean_R[r] : 0;
  }
  bool observed(int64_t r, int64_t t) const { return panel_.observed_RT[r * weeks_ + t] != 0; }

 private:
  Matrix smoother(int64_t r) const {
    if (*std::max_element(weight_RT[r].begin(), weight_RT[r].end()) == 0) return zeros(size_t(weeks_), size_t(weeks_));
    return baseline_smoother(weight_RT[r], options_.stiffness, options_.persistence);
  }
  // a'Q b with Q = M - M S.
  double profiled_square(int64_t r, const Matrix& of_region, const Row& a, const Row& b) const {
    const Row baseline = times(of_region, b);
    double sum = 0;
    for (int64_t t = 0; t < weeks_; ++t) sum += a[t] * weight_RT[r][t] * (b[t] - baseline[t]);
    return sum;
  }

  void set_scales() {
    Row count_R(size_t(regions_), 0.0);
    Matrix media_RC = zeros(size_t(regions_), size_t(channels_)),
           control_RK = zeros(size_t(regions_), size_t(controls_)), sd_RK = control_RK;
    mean_R.assign(size_t(regions_), 0.0);
    Row media_C(size_t(channels_), 0.0), share_C(media_C), mean_sd_K(size_t(controls_), 0.0);
    double mean_of_means = 0;
    for (int64_t r = 0; r < regions_; ++r) {
      for (int64_t t = 0; t < origin_; ++t) {
        if (!observed(r, t)) continue;
        count_R[r] += 1;
        mean_R[r] += panel_.target_RT[r * weeks_ + t];
        for (int64_t c = 0; c < channels_; ++c) media_RC[r][c] += raw_media(r, t, c);
        for (int64_t c = 0; c < channels_; ++c) share_C[c] += share(r, t, c);
        for (int64_t k = 0; k < controls_; ++k) control_RK[r][k] += raw_control(r, t, k);
      }
      cells += count_R[r];
      for (int64_t c = 0; c < channels_; ++c) media_C[c] += media_RC[r][c];
      const double n = std::max(count_R[r], 1.0);
      mean_R[r] /= n;
      mean_of_means += mean_R[r] / static_cast<double>(regions_);
      for (double& value : media_RC[r]) value /= n;
      for (double& value : control_RK[r]) value /= n;
      for (int64_t k = 0; k < controls_; ++k) {
        for (int64_t t = 0; t < origin_; ++t)
          if (observed(r, t)) sd_RK[r][k] += std::pow(raw_control(r, t, k) - control_RK[r][k], 2) / n;
        sd_RK[r][k] = std::sqrt(sd_RK[r][k]);
        mean_sd_K[k] += sd_RK[r][k] / static_cast<double>(regions_);
      }
    }
    double weighted = 0;
    for (int64_t r = 0; r < regions_; ++r) {
      const bool usable = count_R[r] >= 4 && mean_R[r] > 0;
      region_weight_R.push_back(usable ? std::pow(mean_R[r], options_.size_power) : 0);
      weighted += region_weight_R[r] * count_R[r];
      if (!usable) weight_RT[r].assign(size_t(weeks_), 0.0);
      bool known = false;
      media_RTC.push_back(zeros(size_t(weeks_), size_t(channels_)));
      control_RTK.push_back(zeros(size_t(weeks_), size_t(controls_)));
      for (int64_t t = 0; t < weeks_; ++t) {
        known = known || observed(r, t);
        for (int64_t c = 0; c < channels_; ++c) {
          const double scale = std::max(media_RC[r][c], 0.01 * media_C[c] / cells * mean_R[r] / mean_of_means);
          if (options_.share_of_voice)
            media_RTC[r][t][c] = std::min(share(r, t, c) / (share_C[c] / cells), 50.0);
          else
            media_RTC[r][t][c] = scale > 0 ? std::clamp(raw_media(r, t, c) / scale, 0.0, 50.0) : 0;
        }
        for (int64_t k = 0; k < controls_; ++k)
          if (known)
            control_RTK[r][t][k] =
                std::clamp((raw_control(r, t, k) - control_RK[r][k]) / (sd_RK[r][k] + 0.1 * mean_sd_K[k]), -4.0, 4.0);
      }
    }
    for (double& weight : region_weight_R) weight *= cells / weighted;  // mean 1 over cells
  }
  bool has_row(int64_t r, int64_t t) const {
    double media = 0;
    for (int64_t c = 0; c < channels_; ++c) media += panel_.media_RTC[(r * weeks_ + t) * channels_ + c];
    return observed(r, t) || media > 0;
  }
  // A week without a row is the mean of the four before it; before the first row, of the first four rows.
  double raw_media(int64_t r, int64_t t, int64_t c) const {
    if (has_row(r, t)) return panel_.media_RTC[(r * weeks_ + t) * channels_ + c];
    Row values;
    bool later = false;
    for (int64_t before = 0; before < t; ++before) later = later || has_row(r, before);
    if (later) {
      for (int64_t before = std::max<int64_t>(0, t - 4); before < t; ++before)
        values.push_back(raw_media(r, before, c));
    } else {
      for (int64_t after = t; after < weeks_ && values.size() < 4; ++after)
        if (has_row(r, after)) values.push_back(panel_.media_RTC[(r * weeks_ + after) * channels_ + c]);
    }
    double sum = 0;
    for (const double value : values) sum += value;
    return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
  }
  double share(int64_t r, int64_t t, int64_t c) const {
    double total = 0;
    for (int64_t other = 0; other < channels_; ++other) total += raw_media(r, t, other);
    return total > 0 ? raw_media(r, t, c) / total : 1.0 / static_cast<double>(channels_);
  }
  double raw_control(int64_t r, int64_t t, int64_t k) const {
    return panel_.controls_RTK[(r * weeks_ + t) * controls_ + k];
  }

  const Panel& panel_;
  ModelOptions options_;
  int64_t regions_, weeks_, channels_, controls_, origin_;
};

}  // namespace dcmmm::testing
