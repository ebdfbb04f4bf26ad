#include "model/lifts.hpp"

#include <algorithm>

#include "common/errors.hpp"
#include "common/random.hpp"
#include "common/text.hpp"
#include "model/mmm.hpp"

// E members, X observations, n regions of a chunk, W weeks until an observation's last, C channels.
namespace dcmmm {
namespace {

// Keeps a member's draws of the measurements apart from its other random numbers.
constexpr uint64_t kLiftStream = uint64_t{5} << 60;

// Regions of the chunk that take part, counted from its first: those that any member can use (lift_responses leaves out
// others for those that can't). None of one that counts for no member.
std::vector<int64_t> rows_of(const LiftObservation& lift, const FitData& data, Chunk chunk, int64_t first_region) {
  std::vector<int64_t> rows;
  if (!lift.counts()) return rows;
  const at::Tensor usable = (data.region_weight_ER.narrow(1, chunk.first, chunk.count) > 0).any(0).contiguous();
  for (int64_t r = 0; r < chunk.count; ++r) {
    const int64_t place = first_region + chunk.first + r;
    const bool takes_part =
        lift.regions == nullptr || std::binary_search(lift.regions->begin(), lift.regions->end(), place);
    if (takes_part && usable.const_data_ptr<bool>()[r]) rows.push_back(r);
  }
  return rows;
}

// rows_of every observation; none at all where no observation has any in the chunk, so that its effects needn't be
// known.
std::vector<std::vector<int64_t>> rows_of_all(const FitData& data, Chunk chunk, int64_t first_region) {
  std::vector<std::vector<int64_t>> rows_X;
  rows_X.reserve(data.lifts.size());
  bool any = false;
  for (const LiftObservation& lift : data.lifts) {
    rows_X.push_back(rows_of(lift, data, chunk, first_region));
    any = any || !rows_X.back().empty();
  }
  return any ? rows_X : std::vector<std::vector<int64_t>>{};
}

}  // namespace

bool LiftObservation::counts() const {
  return std::any_of(error_E.begin(), error_E.end(), [](double error) { return error > 0; });
}

std::vector<LiftObservation> lift_observations(const Panel& panel, const Knowledge& knowledge, const FitData& data,
                                               const RegionLoop& loop) {
  const int64_t E = data.member_count(), C = data.channels, T = data.weeks;
  std::vector<LiftObservation> out;
  // Measurements scatter over a bootstrap's members as the panel's cells do.
  const auto observe = [&](LiftObservation lift, const std::vector<double>& mean_E,
                           const std::vector<double>& error_E) {
    for (int64_t e = 0; e < E; ++e) {
      RandomStream random(data.members[e].seed, kLiftStream + out.size());
      const double draw = data.members[e].bootstrap_seed == 0 ? 0.0 : random.normal();
      lift.lift_E.push_back(mean_E[e] + draw * error_E[e]);
    }
    lift.error_E = error_E;
    out.push_back(std::move(lift));
  };
  for (const Experiment& test : knowledge.experiments) {
    LiftObservation lift{test.channel, nullptr, false, test.first_week, {}, {}, {}};
    if (!test.regions.empty()) lift.regions = std::make_shared<const std::vector<int64_t>>(test.regions);
    std::vector<double> error_E;
    for (const Member& member : data.members) {
      lift.last_week_E.push_back(test.last_week);
      error_E.push_back(test.last_week < member.origin ? test.standard_error : 0.0);
    }
    observe(std::move(lift), std::vector<double>(static_cast<size_t>(E), test.lift), error_E);
  }
  if (std::none_of(knowledge.channels.begin(), knowledge.channels.end(), [](const auto& c) { return c.roi; }))
    return out;
  // Spend of each member's observed training cells.
  const std::vector<double> spend = loop.sum(E * C, [&](Chunk chunk, std::span<double> total) {
    const RegionBlock block(panel, chunk.first, chunk.count);
    for (int64_t e = 0; e < E; ++e) {
      const at::Tensor seen = (data.cell_weight_ERT[e] > 0).contiguous();
      for (int64_t cell = chunk.first * T; cell < (chunk.first + chunk.count) * T; ++cell)
        for (int64_t c = 0; c < C && seen.const_data_ptr<bool>()[cell]; ++c)
          total[e * C + c] += block.spend_TC(cell / T)[cell % T * C + c];
    }
  });
  for (int64_t c = 0; c < C; ++c) {
    const auto& roi = knowledge.channels[static_cast<size_t>(c)].roi;
    if (!roi) continue;
    LiftObservation lift{c, nullptr, true, 0, {}, {}, {}};
    std::vector<double> mean_E, error_E;
    for (int64_t e = 0; e < E; ++e) {
      lift.last_week_E.push_back(data.members[e].origin - 1);
      mean_E.push_back(roi->mean * spend[e * C + c]);
      error_E.push_back(roi->sd * spend[e * C + c]);
    }
    if (mean_E[0] < 0 || !(error_E[0] > 0))
      throw UserError(text("'model.priors' has an roi of ", panel.coordinates.channels[static_cast<size_t>(c)],
                           ", which has no spend in the training weeks. Leave it out."));
    observe(std::move(lift), mean_E, error_E);
  }
  return out;
}

at::Tensor Mmm::lift_responses(const FitData& data, const Curves& curve, const at::Tensor& response_ERTC, size_t place,
                               const at::Tensor& rows, Chunk chunk) const {
  const LiftObservation& lift = data.lifts[place];
  const int64_t weeks = response_ERTC.size(2);
  at::Tensor off_nTC = data.media(chunk, weeks).index_select(0, rows);
  off_nTC.narrow(1, lift.first_week, weeks - lift.first_week).select(2, lift.channel).zero_();
  const at::Tensor scale_EnC =
      data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count).index_select(1, rows).contiguous();
  at::Tensor counted = at::zeros({data.member_count(), rows.size(0), weeks}, at::kDouble);
  for (int64_t e = 0; e < data.member_count(); ++e)
    if (lift.counts_for(e))
      counted[e].narrow(1, lift.first_week, std::min(lift.last_week_E[e] + 1, weeks) - lift.first_week).fill_(1);
  if (lift.is_roi)
    counted *= (data.cell_weight_ERT.narrow(1, chunk.first, chunk.count).index_select(1, rows).narrow(2, 0, weeks) > 0);
  const auto of_rows = [&](const at::Tensor& by_ER) {
    return by_ER.narrow(1, chunk.first, chunk.count).index_select(1, rows).unsqueeze(-1);
  };
  counted *= of_rows(data.target_scale_ER) * (of_rows(data.region_weight_ER) > 0);
  at::Tensor frequency_nTF = data.frequency(chunk, weeks);
  if (frequency_nTF.defined()) frequency_nTF = frequency_nTF.index_select(0, rows);
  const at::Tensor on = response_ERTC.index_select(1, rows),
                   off = respond(off_nTC, frequency_nTF, scale_EnC, curve).response_ERTC;
  return (on - off).to(at::kDouble) * counted.unsqueeze(-1);
}

at::Tensor Mmm::lifts(const FitData& data, const Effects& effect, const at::Tensor& shared_EP,
                      const at::Tensor& local_EnL, Chunk chunk, int64_t first_region) const {
  const std::vector<std::vector<int64_t>> rows_X = rows_of_all(data, chunk, first_region);
  if (rows_X.empty()) return at::zeros({data.member_count(), static_cast<int64_t>(data.lifts.size())}, at::kDouble);
  std::vector<at::Tensor> out;
  out.reserve(rows_X.size());
  const Curves curve = curves(shared_EP);
  for (size_t x = 0; x < rows_X.size(); ++x) {
    if (rows_X[x].empty()) {
      out.push_back(at::zeros({data.member_count()}, at::kDouble));
      continue;
    }
    const at::Tensor rows = at::tensor(rows_X[x], at::kLong);
    const at::Tensor response = lift_responses(data, curve, effect.response_ERTC, x, rows, chunk);
    // Regions' own coefficients don't bend to a measurement of their sum (its error counts them): a test says
    // something of the nation.
    const at::Tensor own = layout_.view(local_EnL, "coefficient.region_effect").detach().index_select(1, rows);
    at::Tensor log = layout_.view(shared_EP, "coefficient.log_mean").unsqueeze(1).unsqueeze(1) + own.unsqueeze(2);
    if (effect.deviation_ERTC.defined()) log = log + effect.deviation_ERTC.index_select(1, rows);
    out.push_back((at::softplus(log.to(at::kDouble)) * response).sum({1, 2, 3}));
  }
  return at::stack(out, 1);
}

Mmm::LiftRows Mmm::lift_rows(const FitData& data, const at::Tensor& shared_EP, const RegionLoop& loop) const {
  const at::NoGradGuard no_gradient;
  const int64_t E = data.member_count(), C = data.channels, weeks = data.last_origin();
  const auto X = static_cast<int64_t>(data.lifts.size());
  if (X == 0) return {};
  const Curves curve = curves(shared_EP.to(data.type));
  // By member and observation: its row, then the sum over regions of the square of the tested channel's part.
  const std::vector<double> sums = loop.sum(E * X * (C + 1), [&](Chunk chunk, std::span<double> total) {
    const std::vector<std::vector<int64_t>> rows_X = rows_of_all(data, chunk, loop.plan().first_region);
    if (rows_X.empty()) return;
    const at::Tensor response = respond(data.media(chunk, weeks), data.frequency(chunk, weeks),
                                        data.inverse_media_scale_ERC.narrow(1, chunk.first, chunk.count), curve)
                                    .response_ERTC;
    for (int64_t x = 0; x < X; ++x) {
      if (rows_X[x].empty()) continue;
      const at::Tensor by_region =
          lift_responses(data, curve, response, static_cast<size_t>(x), at::tensor(rows_X[x], at::kLong), chunk)
              .sum(2)
              .contiguous();
      const auto value = by_region.accessor<double, 3>();
      for (int64_t e = 0; e < E; ++e)
        for (int64_t r = 0; r < value.size(1); ++r) {
          double* row = total.data() + (e * X + x) * (C + 1);
          for (int64_t c = 0; c < C; ++c) row[c] += value[e][r][c];
          row[C] += value[e][r][data.lifts[x].channel] * value[e][r][data.lifts[x].channel];
        }
    }
  });
  LiftRows out;
  for (int64_t i = 0; i < E * X; ++i) {
    const double* row = sums.data() + i * (C + 1);
    out.row_EXC.insert(out.row_EXC.end(), row, row + C);
    out.square_EX.push_back(row[C]);
  }
  return out;
}

std::vector<double> Mmm::all_lifts(const FitData& data, const at::Tensor& shared_EP, const at::Tensor& local_ERL,
                                   const RegionLoop& loop) const {
  const at::NoGradGuard no_gradient;
  const int64_t length = data.member_count() * static_cast<int64_t>(data.lifts.size());
  return loop.sum(length, [&](Chunk chunk, std::span<double> total) {
    if (rows_of_all(data, chunk, loop.plan().first_region).empty()) return;
    const at::Tensor local = local_ERL.narrow(1, chunk.first, chunk.count);
    const Effects effect = effects(data, shared_EP, local, chunk, data.last_origin());
    const at::Tensor values = lifts(data, effect, shared_EP, local, chunk, loop.plan().first_region).contiguous();
    for (int64_t i = 0; i < length; ++i) total[i] += values.const_data_ptr<double>()[i];
  });
}

LiftPull Mmm::lift_pull(const FitData& data, const Anchor& anchor, const at::Tensor& shared_EP,
                        const at::Tensor& local_ERL, const RegionLoop& loop) const {
  const int64_t E = data.member_count();
  const auto X = static_cast<int64_t>(data.lifts.size());
  const std::vector<double> now = all_lifts(data, shared_EP, local_ERL, loop);
  LiftPull out{at::zeros({E, X}, at::kDouble), at::zeros({E}, at::kDouble)};
  auto slope = out.slope_EX.accessor<double, 2>();
  auto loss = out.loss_E.accessor<double, 1>();
  for (int64_t e = 0; e < E; ++e)
    for (int64_t x = 0; x < X; ++x) {
      const double sd = anchor.lift_sd_EX[e * X + x];
      if (sd == 0) continue;
      const double left = (now[e * X + x] - data.lifts[x].lift_E[e]) / sd;
      const double cells = options_.tempering * data.cells_E[e];
      loss[e] += 0.5 * left * left / cells;
      slope[e][x] = left / sd / cells;
    }
  return out;
}

void Mmm::keep_signs(at::Tensor& shared_EP) const {
  const std::vector<int>& signs = options_.knowledge.control_signs;
  at::Tensor control_EK = layout_.view(shared_EP, "control.coefficient");
  for (int64_t k = 0; k < std::ssize(signs); ++k) {
    if (signs[k] > 0) control_EK.select(1, k).clamp_min_(0);
    if (signs[k] < 0) control_EK.select(1, k).clamp_max_(0);
  }
}

}  // namespace dcmmm
