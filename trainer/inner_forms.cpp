#include "trainer/inner_forms.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "likelihood/drift.hpp"
#include "model/kernels/baseline.hpp"
#include "model/mmm.hpp"
#include "model/seasonality.hpp"

// T weeks up to an origin's horizon, n regions of a chunk.
namespace dcmmm {
namespace {

// One origin's columns of a chunk.
struct Columns {
  int64_t regions = 0, weeks = 0, count = 0;
  at::Tensor value_nTG;                    // float64
  std::vector<double> train_nT, ahead_nT;  // 1 on observed cells that train, and on those that are forecast
  std::vector<double> scale_n;             // m_r
};

// The first `count` of an origin's waves, [T, W], with what the GRU's penalties see of them.
at::Tensor waves_of(int64_t origin, int64_t weeks, double year, int64_t count, InnerForms& out) {
  const Waves waves = drift_waves(origin, weeks, year);
  at::Tensor value_TW = at::empty({weeks, count}, at::kDouble);
  auto to = value_TW.accessor<double, 2>();
  std::vector<double>&level_W = out.level_OW.emplace_back(), &change_W = out.change_OW.emplace_back();
  for (int64_t w = 0; w < count; ++w) {
    double level = 0, change = 0;
    for (int64_t t = 0; t < weeks; ++t) {
      to[t][w] = waves.value_NB(t, w);
      if (t >= origin) continue;
      level += to[t][w] * to[t][w];
      if (t > 0) change += std::pow(to[t][w] - to[t - 1][w], 2);
    }
    level_W.push_back(level / static_cast<double>(origin));
    change_W.push_back(change / static_cast<double>(origin - 1));
  }
  return value_TW;
}

Columns columns_of(const Panel& panel, const FitData& data, const Mmm& model, const Mmm::Curves& curves, int64_t member,
                   const at::Tensor& waves_TW, Chunk chunk) {
  const int64_t origin = data.members[member].origin, weeks = waves_TW.size(0);
  const auto of_member = [&](const at::Tensor& by_member) { return by_member.narrow(0, member, 1); };
  const at::Tensor response =
      model
          .respond(data.media(chunk, weeks), data.frequency(chunk, weeks),
                   of_member(data.inverse_media_scale_ERC).narrow(1, chunk.first, chunk.count).contiguous(),
                   {of_member(curves.decay_EC), of_member(curves.exponent_EC), of_member(curves.log_half_EC),
                    curves.peak_ED.defined() ? of_member(curves.peak_ED) : at::Tensor(),
                    curves.mixing_ECC.defined() ? of_member(curves.mixing_ECC) : at::Tensor()})
          .response_ERTC[0];
  const at::Tensor patterns_TS = temporal_patterns(model.options(), model.seasonal_period(), 0, weeks);
  Columns out{chunk.count, weeks, 0, {}, {}, {}, {}};
  out.value_nTG = at::cat({response, data.scaled_controls(chunk, weeks)[member],
                           patterns_TS.expand({chunk.count, weeks, patterns_TS.size(1)}),
                           (response.unsqueeze(-1) * waves_TW.unsqueeze(1)).flatten(2),
                           data.scaled_target(chunk, weeks)[member].unsqueeze(-1)},
                          -1)
                      .contiguous();
  out.count = out.value_nTG.size(2);
  out.train_nT.assign(static_cast<size_t>(chunk.count * weeks), 0.0);
  out.ahead_nT = out.train_nT;
  const auto scale_ER = data.target_scale_ER.accessor<double, 2>();
  const auto weight_ER = data.region_weight_ER.accessor<double, 2>();
  for (int64_t r = 0; r < chunk.count; ++r) {
    const bool usable = weight_ER[member][chunk.first + r] > 0;
    out.scale_n.push_back(usable ? scale_ER[member][chunk.first + r] : 0.0);
    for (int64_t t = 0; usable && t < weeks; ++t)
      (t < origin ? out.train_nT : out.ahead_nT)[r * weeks + t] =
          panel.observed_RT[(chunk.first + r) * panel.weeks() + t];
  }
  return out;
}

// Adds the forms of a chunk for one baseline: P matrices of the fit, then that of the forecast; upper triangles only.
void add_forms(const Columns& columns, const BaselineSetting& setting, std::span<const double> size_powers,
               double mean_scale, std::span<double> sums) {
  const int64_t T = columns.weeks, G = columns.count, size = G * G;
  kernels::BaselineSolver solver;
  std::vector<double> baseline(static_cast<size_t>(T * G)), gram(static_cast<size_t>(size)), left(gram.size());
  double* error = sums.data() + static_cast<int64_t>(size_powers.size()) * size;
  for (int64_t r = 0; r < columns.regions; ++r) {
    if (columns.scale_n[r] == 0) continue;
    const std::span<const double> train(columns.train_nT.data() + r * T, static_cast<size_t>(T));
    const double* value = columns.value_nTG.const_data_ptr<double>() + r * T * G;
    solver.factor(train, setting.stiffness, setting.persistence);
    solver.solve({value, static_cast<size_t>(T * G)}, G, baseline, {});
    std::fill(gram.begin(), gram.end(), 0.0);
    const double square = columns.scale_n[r] * columns.scale_n[r];
    for (int64_t t = 0; t < T; ++t) {
      const double *value_G = value + t * G, *baseline_G = baseline.data() + t * G;
      const bool ahead = columns.ahead_nT[r * T + t] > 0;
      if (train[t] == 0 && !ahead) continue;
      for (int64_t j = 0; j < G; ++j) left[j] = value_G[j] - baseline_G[j];
      double* to = ahead ? error : gram.data();
      for (int64_t i = 0; i < G; ++i) {
        const double factor = ahead ? square * left[i] : value_G[i];
        for (int64_t j = i; j < G; ++j) to[i * G + j] += factor * left[j];
      }
    }
    for (size_t p = 0; p < size_powers.size(); ++p) {
      const double weight = std::pow(columns.scale_n[r] / mean_scale, size_powers[p]);
      double* to = sums.data() + static_cast<int64_t>(p) * size;
      for (int64_t i = 0; i < size; ++i) to[i] += weight * gram[i];
    }
  }
}

// A symmetric matrix from its upper triangle.
std::vector<double> mirrored(const double* upper, int64_t size, double factor) {
  std::vector<double> matrix(static_cast<size_t>(size * size));
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = i; j < size; ++j) matrix[i * size + j] = matrix[j * size + i] = factor * upper[i * size + j];
  return matrix;
}

}  // namespace

LadderOrigins ladder_origins(int64_t origin) {
  constexpr int64_t kHorizon = 8, kLeastWeeks = 20, kWeeksOfTheFourth = 60;
  LadderOrigins out;
  out.horizon = std::clamp<int64_t>(origin / 8, 1, kHorizon);
  for (int64_t back = 1; back <= 4; ++back) {
    const int64_t inner = origin - back * out.horizon;
    if (inner < std::max(kLeastWeeks, origin / 2) || (back == 4 && inner < kWeeksOfTheFourth)) break;
    out.origin_O.push_back(inner);
  }
  if (out.origin_O.size() < 2) out.origin_O.clear();
  return out;
}

InnerForms make_inner_forms(const Panel& panel, const ModelOptions& options, int64_t origin,
                            std::span<const BaselineSetting> baselines, std::span<const double> size_powers,
                            const RegionLoop& loop, bool with_waves) {
  const at::NoGradGuard no_gradient;
  InnerForms out;
  out.origins = ladder_origins(origin);
  out.channels = panel.channels();
  out.controls = panel.controls();
  out.events = panel.coordinates.events();
  const double year = seasonal_period(panel.coordinates.step);
  if (with_waves && !out.origins.origin_O.empty())
    out.waves = drift_waves(out.origins.origin_O.back(), out.origins.origin_O.back(), year).count();
  out.columns = out.channels * (1 + out.waves) + out.controls + pattern_count(options) + 1;
  if (out.origins.origin_O.empty()) return out;
  std::vector<Member> members;
  for (const int64_t inner : out.origins.origin_O) members.push_back(member_of(options, inner, 0));
  const FitData data = make_fit_data(panel, members, at::kDouble, loop);
  ModelOptions without_gru = with_names(options, panel.coordinates.channels, panel.coordinates.controls);
  without_gru.gru = false;
  const Mmm model(without_gru, year, panel.channels(), panel.controls(), out.events);
  const Mmm::Curves curves = model.curves(initial_shared(model.layout(), model.options(), members));

  const auto B = static_cast<int64_t>(baselines.size()), P = static_cast<int64_t>(size_powers.size());
  const int64_t size = out.columns * out.columns, of_baseline = (P + 1) * size;
  for (size_t o = 0; o < members.size(); ++o) {
    // Any scale near the regions' own will do: the weights are brought to mean 1 below.
    const double mean_scale = data.national_target_scale_E[o];
    const int64_t inner = members[o].origin;
    const at::Tensor waves_TW = waves_of(inner, inner + out.origins.horizon, year, out.waves, out);
    const std::vector<double> sums = loop.sum(B * of_baseline + 2 + P, [&](Chunk chunk, std::span<double> total) {
      const Columns columns = columns_of(panel, data, model, curves, static_cast<int64_t>(o), waves_TW, chunk);
      at::parallel_for(0, B, 1, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b)
          add_forms(columns, baselines[b], size_powers, mean_scale,
                    total.subspan(static_cast<size_t>(b * of_baseline), static_cast<size_t>(of_baseline)));
      });
      double* cells = total.data() + B * of_baseline;
      for (int64_t r = 0; r < columns.regions; ++r) {
        double train = 0;
        for (int64_t t = 0; t < columns.weeks; ++t) {
          train += columns.train_nT[r * columns.weeks + t];
          cells[1] += columns.ahead_nT[r * columns.weeks + t];
        }
        cells[0] += train;
        for (int64_t p = 0; p < P && train > 0; ++p)
          cells[2 + p] += train * std::pow(columns.scale_n[r] / mean_scale, size_powers[p]);
      }
    });
    const double* cells = sums.data() + B * of_baseline;
    out.cells_O.push_back(cells[0]);
    out.ahead_O.push_back(cells[1]);
    std::vector<OriginForms>& forms = out.forms.emplace_back(static_cast<size_t>(B));
    for (int64_t b = 0; b < B; ++b) {
      const double* of_this = sums.data() + b * of_baseline;
      for (int64_t p = 0; p < P; ++p)
        forms[b].gram_PGG.push_back(mirrored(of_this + p * size, out.columns, cells[0] / cells[2 + p]));
      forms[b].error_GG = mirrored(of_this + P * size, out.columns, 1.0);
    }
  }
  return out;
}

}  // namespace dcmmm
