#include "trainer/choose_settings.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "model/closed_form.hpp"
#include "model/prior_strengths.hpp"
#include "trainer/inner_forms.hpp"

namespace dcmmm {
namespace {

constexpr double kClearlyBetter = 0.98;
constexpr int kRounds = 2;  // a setting may deserve a second look once the others have moved
// A ridge factor that leaves nothing of the controls.
constexpr double kWithoutControls = 1e4;
constexpr int kMostHarmonics = 3;
// Candidates are judged with every coefficient at least this large, more than a fit's own floor (kCoefficientFloor):
// what shuts channels off in one short window isn't worth a change of settings.
constexpr double kJudgedFloor = 0.003;

// Terms of the forms that settings ask for: of the patterns the first harmonics and the trend (the columns hold more
// harmonics than are asked for), and the waves where effects may drift.
std::vector<size_t> terms_of(const InnerForms& forms, const ModelOptions& options, int patterns_of, bool drifts) {
  const auto first_pattern = static_cast<size_t>(forms.channels + forms.controls),
             unused_begin = first_pattern + static_cast<size_t>(2 * options.harmonics),
             unused_end = first_pattern + static_cast<size_t>(2 * patterns_of),
             end = static_cast<size_t>(forms.columns - 1), waves = static_cast<size_t>(forms.channels * forms.waves);
  std::vector<size_t> terms;
  for (size_t i = 0; i < (drifts ? end : end - waves); ++i)
    if (i < unused_begin || i >= unused_end) terms.push_back(i);
  return terms;
}

// The target's column less the effects, as weights of the forms' columns, by the closed form at one origin.
// `wave_penalty`: of each channel's waves; empty where effects don't drift. Measurements (experiments, known ROI) have
// no say, so the ridge stays on a channel whose ROI is known.
std::vector<double> closed_form(const InnerForms& forms, size_t origin, const std::vector<double>& gram,
                                const ModelOptions& options, int patterns_of, const std::vector<double>& wave_penalty) {
  const auto G = static_cast<size_t>(forms.columns), C = static_cast<size_t>(forms.channels);
  const Member member = member_of(options, forms.origins.origin_O[origin], 0);
  const std::vector<int>& control_signs = options.knowledge.control_signs;
  const std::vector<size_t> terms = terms_of(forms, options, patterns_of, !wave_penalty.empty());
  const size_t F = terms.size(), first_wave = G - 1 - static_cast<size_t>(forms.channels * forms.waves);
  std::vector<double> matrix(F * F), right(F), theta(G, 0.0);
  std::vector<int> sign(F, 0);
  for (size_t i = 0; i < F; ++i) {
    for (size_t j = 0; j < F; ++j) matrix[i * F + j] = gram[terms[i] * G + terms[j]];
    right[i] = gram[terms[i] * G + G - 1];
    matrix[i * F + i] += 1e-6 * forms.cells_O[origin];
    if (terms[i] >= first_wave) {
      matrix[i * F + i] += wave_penalty[terms[i] - first_wave];
      continue;
    }
    matrix[i * F + i] +=
        ridge_factor(member, options, {forms.channels, forms.controls, forms.events}, static_cast<int64_t>(terms[i])) *
        gram[terms[i] * G + terms[i]];
    if (terms[i] < C)
      sign[i] = 1;
    else if (terms[i] < C + control_signs.size())
      sign[i] = control_signs[terms[i] - C];
  }
  const std::vector<double> solution = solve_signed(matrix, right, sign);
  for (size_t i = 0; i < F; ++i) theta[terms[i]] = -(i < C ? std::max(solution[i], kJudgedFloor) : solution[i]);
  theta[G - 1] = 1;
  return theta;
}

double quadratic(const std::vector<double>& theta, const std::vector<double>& matrix) {
  double out = 0;
  for (size_t i = 0; i < theta.size(); ++i)
    for (size_t j = 0; j < theta.size(); ++j) out += theta[i] * matrix[i * theta.size() + j] * theta[j];
  return out;
}

// Squared forecast error of the closed form with these settings, at one origin.
double forecast_squares(const InnerForms& forms, size_t origin, size_t baseline, size_t power,
                        const ModelOptions& options, int patterns_of) {
  const OriginForms& of = forms.forms[origin][baseline];
  return quadratic(closed_form(forms, origin, of.gram_PGG[power], options, patterns_of, {}), of.error_GG);
}

// The same where effects drift as the GRU's penalties let them: its deviations, to first order, as sums of waves. Forms
// of one baseline and one size power.
double drifting_squares(const InnerForms& forms, size_t origin, const ModelOptions& options, int patterns_of) {
  const OriginForms& of = forms.forms[origin][0];
  const std::vector<double>& gram = of.gram_PGG[0];
  std::vector<double> theta = closed_form(forms, origin, gram, options, patterns_of, {});
  if (options.gru) {
    // As in the loss: squares / (2 s2 n) beside half of each penalty's mean over regions, weeks and channels.
    const double squares = quadratic(theta, gram) * options.gru_weight / static_cast<double>(forms.channels);
    std::vector<double> penalty;
    for (int64_t c = 0; c < forms.channels; ++c)
      for (int64_t w = 0; w < forms.waves; ++w)
        penalty.push_back(squares *
                          (forms.level_OW[origin][w] / std::pow(options.gru_level_sd, 2) +
                           forms.change_OW[origin][w] / std::pow(options.gru_change_sd, 2)) /
                          std::pow(theta[c], 2));
    theta = closed_form(forms, origin, gram, options, patterns_of, penalty);
  }
  return quadratic(theta, of.error_GG);
}

template <class Value>
std::vector<Value> with_current(std::vector<Value> values, Value current) {
  if (std::find(values.begin(), values.end(), current) == values.end()) values.insert(values.begin(), current);
  return values;
}

class Ladder {
 public:
  Ladder(const Panel& panel, const ModelOptions& start, const FreeSettings& free, int64_t origin,
         const RegionLoop& loop)
      : start_(start), panel_(panel), origin_(origin), loop_(loop) {
    baselines_ = {{start.stiffness, start.persistence}};
    if (free.baseline)
      for (const double stiffness : {1.0, 5.0, 20.0, 60.0, 200.0})
        for (const double persistence : {0.9, 0.95, 0.98, 1.0})
          if (const BaselineSetting setting{stiffness, persistence}; setting != baselines_[0])
            baselines_.push_back(setting);
    powers_ = {start.size_power};
    if (free.size_power) powers_ = with_current({0.5, 1.0, 1.5}, start.size_power);
    ModelOptions widest = start;
    if (free.harmonics) widest.harmonics = std::max(start.harmonics, kMostHarmonics);
    harmonics_ = widest.harmonics;
    forms_ = make_inner_forms(panel, widest, origin, baselines_, powers_, loop);
    choice_.options = start;
    choice_.origin_O = forms_.origins.origin_O;
    choice_.horizon = forms_.origins.horizon;
  }

  SettingsChoice climb(const FreeSettings& free) {
    if (choice_.origin_O.empty()) return choice_;
    for (int round = 0; round < kRounds; ++round) {
      choice_.candidates.clear();
      moved_ = false;
      if (free.baseline) baseline_rung();
      if (free.ridge)
        rung("ridge", &ModelOptions::ridge, with_current({0.3, 1.0, 3.0, 10.0, 20.0, 60.0}, start_.ridge));
      if (free.harmonics)
        rung("harmonics", &ModelOptions::harmonics, with_current({0, 1, 2, kMostHarmonics}, start_.harmonics));
      if (free.size_power) rung("size power", &ModelOptions::size_power, powers_);
      if (free.ridge_controls && forms_.controls > 0)
        rung("ridge of controls", &ModelOptions::ridge_controls, {start_.ridge_controls, kWithoutControls});
      if (!moved_) break;
    }
    if (free.gru && start_.gru) gru_rung();
    return choice_;
  }

 private:
  std::vector<double> squares_O(const ModelOptions& options) const {
    const auto place = [](const auto& values, const auto& value) {
      return static_cast<size_t>(std::find(values.begin(), values.end(), value) - values.begin());
    };
    const size_t baseline = place(baselines_, BaselineSetting{options.stiffness, options.persistence}),
                 power = place(powers_, options.size_power);
    return at_origins([&](size_t o) { return forecast_squares(forms_, o, baseline, power, options, harmonics_); });
  }

  std::vector<double> at_origins(const std::function<double(size_t)>& squares_at) const {
    std::vector<double> squares;
    for (size_t o = 0; o < choice_.origin_O.size(); ++o) {
      try {
        squares.push_back(squares_at(o));
      } catch (const NumericalError&) {  // singular with these settings: they are no candidate
        squares.push_back(std::numeric_limits<double>::infinity());
      }
    }
    return squares;
  }

  // Judges settings that differ in one thing; the first is the one to beat.
  void judge(const std::string& name, const std::vector<std::string>& values,
             const std::vector<ModelOptions>& candidates,
             const std::function<std::vector<double>(const ModelOptions&)>& squares_of) {
    double cells = 0;
    for (const double ahead : forms_.ahead_O) cells += ahead;
    if (cells == 0) return;
    std::vector<SettingsCandidate> rows;
    for (size_t i = 0; i < candidates.size(); ++i) {
      SettingsCandidate& row = rows.emplace_back(SettingsCandidate{name, values[i], {}, 0, false});
      double total = 0;
      const std::vector<double> squares = squares_of(candidates[i]);
      for (size_t o = 0; o < squares.size(); ++o) {
        total += squares[o];
        row.rmse_O.push_back(std::sqrt(squares[o] / std::max(forms_.ahead_O[o], 1.0)));
      }
      row.rmse = std::sqrt(total / cells);
    }
    size_t best = 0;
    for (size_t i = 1; i < rows.size(); ++i) {
      size_t wins = 0;
      for (size_t o = 0; o < rows[i].rmse_O.size(); ++o) wins += rows[i].rmse_O[o] < rows[0].rmse_O[o] ? 1 : 0;
      if (2 * wins > rows[i].rmse_O.size() && rows[i].rmse < kClearlyBetter * rows[0].rmse &&
          rows[i].rmse < rows[best].rmse)
        best = i;
    }
    rows[best].chosen = true;
    moved_ = moved_ || best != 0;
    choice_.options = candidates[best];
    choice_.candidates.insert(choice_.candidates.end(), rows.begin(), rows.end());
  }

  template <class Number>
  void rung(const std::string& name, Number ModelOptions::*setting, const std::vector<Number>& values) {
    std::vector<ModelOptions> candidates = {choice_.options};
    std::vector<std::string> labels = {text(choice_.options.*setting)};
    for (const Number value : values) {
      if (value == choice_.options.*setting) continue;
      candidates.push_back(choice_.options);
      candidates.back().*setting = value;
      labels.push_back(text(value));
    }
    judge(name, labels, candidates, [&](const ModelOptions& options) { return squares_O(options); });
  }

  void baseline_rung() {
    std::vector<ModelOptions> candidates;
    std::vector<std::string> labels;
    const BaselineSetting current{choice_.options.stiffness, choice_.options.persistence};
    const auto add = [&](const BaselineSetting& setting) {
      candidates.push_back(choice_.options);
      candidates.back().stiffness = setting.stiffness;
      candidates.back().persistence = setting.persistence;
      labels.push_back(text(setting.stiffness, " / ", setting.persistence));
    };
    add(current);
    for (const BaselineSetting& setting : baselines_)
      if (setting != current) add(setting);
    judge("baseline", labels, candidates, [&](const ModelOptions& options) { return squares_O(options); });
  }

  // How far coefficients may move. The forms with waves are many times larger, so they are made for what is chosen by
  // now.
  void gru_rung() {
    const ModelOptions& chosen = choice_.options;
    const BaselineSetting baseline{chosen.stiffness, chosen.persistence};
    const InnerForms forms = make_inner_forms(panel_, chosen, origin_, {&baseline, 1}, {&chosen.size_power, 1}, loop_,
                                              /*with_waves=*/true);
    std::vector<ModelOptions> candidates;
    std::vector<std::string> labels;
    const auto add = [&](double level_sd) {
      ModelOptions& options = candidates.emplace_back(chosen);
      options.gru = level_sd > 0;
      if (options.gru) {
        options.gru_change_sd *= level_sd / options.gru_level_sd;
        options.gru_level_sd = level_sd;
      }
      labels.push_back(options.gru ? text(level_sd) : "none");
    };
    add(chosen.gru_level_sd);
    for (const double level_sd : {0.0, 0.03, 0.1, 0.3})
      if (level_sd != chosen.gru_level_sd) add(level_sd);
    judge("GRU's sd", labels, candidates, [&](const ModelOptions& options) {
      return at_origins([&](size_t o) { return drifting_squares(forms, o, options, chosen.harmonics); });
    });
  }

  ModelOptions start_;
  const Panel& panel_;
  int64_t origin_;
  const RegionLoop& loop_;
  std::vector<BaselineSetting> baselines_;
  std::vector<double> powers_;
  int harmonics_ = 0;  // that the forms have columns for
  InnerForms forms_;
  SettingsChoice choice_;
  bool moved_ = false;
};

}  // namespace

SettingsChoice choose_settings(const Panel& panel, const ModelOptions& start, const FreeSettings& free, int64_t origin,
                               const RegionLoop& loop) {
  return Ladder(panel, start, free, origin, loop).climb(free);
}

std::string ladder_table(const SettingsChoice& choice) {
  char field[64];
  std::string out = "setting            value         RMSE";
  for (const int64_t origin : choice.origin_O) {
    std::snprintf(field, sizeof field, "  from week %-5lld", static_cast<long long>(origin));
    out += field;
  }
  for (const SettingsCandidate& row : choice.candidates) {
    std::snprintf(field, sizeof field, "\n%-17s  %-10s %c", row.setting.c_str(), row.value.c_str(),
                  row.chosen ? '*' : ' ');
    out += field;
    std::snprintf(field, sizeof field, "  %.6g", row.rmse);
    out += field;
    for (const double rmse : row.rmse_O) {
      std::snprintf(field, sizeof field, "  %-15.6g", rmse);
      out += field;
    }
  }
  return out;
}

}  // namespace dcmmm
