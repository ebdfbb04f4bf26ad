#include "likelihood/response_basis.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <utility>

#include "model/kernels/media.hpp"

// T training weeks, W sampled regions, C channels, Q snapshots, K basis columns, N cells that are looked at.
namespace dcmmm {
namespace {

constexpr int64_t kLookedRegions = 24, kLookedWeeks = 24;  // at the most; about
constexpr double kSmallest = 1e-14;                        // of the largest eigenvalue: what lies below is rounding

}  // namespace

ResponseBasis::ResponseBasis(const LikelihoodData& data, std::vector<Shapes> snapshots, const RegionLoop& loop)
    : data_(data), snapshots_(std::move(snapshots)), looked_C_(static_cast<size_t>(data.channels)) {
  const int64_t T = data.origin, C = data.channels, Q = std::ssize(snapshots_);
  const auto all_regions = static_cast<int64_t>(
      loop.sum(1, [](Chunk chunk, std::span<double> total) { total[0] += static_cast<double>(chunk.count); })[0]);
  // Every rank has some of the sampled regions and adds zeros for the others, so that all get the same bits.
  const int64_t slots = std::min(kLookedRegions, all_regions), length = 1 + T * C;
  const std::vector<double> gathered = loop.sum(slots * length, [&](Chunk chunk, std::span<double> total) {
    for (int64_t region = chunk.first; region < chunk.first + chunk.count; ++region) {
      const int64_t place = loop.plan().first_region + region;
      if (!data.is_usable(region) || !is_sampled(place, slots, all_regions)) continue;
      double* slot = total.data() + place * slots / all_regions * length;
      slot[0] = 1;
      for (int64_t i = 0; i < T * C; ++i) slot[1 + i] = data.media_RTC[region * data.weeks * C + i];
    }
  });
  std::vector<const double*> lanes;
  for (int64_t slot = 0; slot < slots; ++slot)
    if (gathered[slot * length] > 0) lanes.push_back(gathered.data() + slot * length + 1);
  lanes_ = std::ssize(lanes);
  stride_ = std::max<int64_t>(1, T / kLookedWeeks);
#pragma omp parallel for schedule(static)
  for (int64_t c = 0; c < C; ++c) {
    Looked& looked = looked_C_[static_cast<size_t>(c)];
    looked.media_TW.resize(static_cast<size_t>(T * lanes_));
    for (int64_t t = 0; t < T; ++t)
      for (int64_t w = 0; w < lanes_; ++w)
        looked.media_TW[t * lanes_ + w] = static_cast<float>(lanes[static_cast<size_t>(w)][t * C + c]);
    Eigen::MatrixXd snapshot_NQ(0, Q);
    for (int64_t q = 0; q < Q; ++q) {
      const Eigen::ArrayXd response_N = respond(c, snapshots_[static_cast<size_t>(q)]);
      if (q == 0) snapshot_NQ.resize(response_N.size(), Q);
      snapshot_NQ.col(q) = response_N.matrix();
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(snapshot_NQ.transpose() * snapshot_NQ);
    const Eigen::VectorXd& value_Q = solver.eigenvalues();  // increasing
    looked.mix_QK = Eigen::MatrixXd::Zero(Q, kColumns);
    for (int64_t k = 0; k < std::min(kColumns, Q); ++k) {
      const int64_t q = Q - 1 - k;
      if (!(value_Q[q] > kSmallest * value_Q[Q - 1])) break;
      looked.mix_QK.col(k) = solver.eigenvectors().col(q) / std::sqrt(value_Q[q]);
    }
    looked.basis_KN = (snapshot_NQ * looked.mix_QK).transpose();
  }
}

void ResponseBasis::fill(int64_t region, int64_t channel, Eigen::Ref<RowMatrix> out) const {
  const int64_t T = data_.origin, Q = std::ssize(snapshots_);
  const ColumnLayout layout{data_.channels, 0, 0};
  CarriedMedia carried;
  RowMatrix columns(T, data_.channels);
  Eigen::MatrixXd snapshot_TQ(T, Q);
  for (int64_t q = 0; q < Q; ++q) {
    fill_channel(data_.media_of(region, channel), layout, snapshots_[static_cast<size_t>(q)], nullptr, channel, carried,
                 columns);
    snapshot_TQ.col(q) = columns.col(channel);
  }
  out.noalias() = snapshot_TQ * looked_C_[static_cast<size_t>(channel)].mix_QK;
}

Eigen::VectorXd ResponseBasis::coefficients(int64_t channel, const Shapes& shapes) const {
  return looked_C_[static_cast<size_t>(channel)].basis_KN * respond(channel, shapes).matrix();
}

// As fill_channel, all sampled regions side by side, a few weeks of each.
Eigen::ArrayXd ResponseBasis::respond(int64_t channel, const Shapes& shapes) const {
  const int64_t T = data_.origin, W = lanes_, weeks = (T + stride_ - 1) / stride_;
  if (data_.is_off(channel)) return Eigen::ArrayXd::Zero(weeks * W);
  const std::vector<float>& media_TW = looked_C_[static_cast<size_t>(channel)].media_TW;
  Eigen::ArrayXd carried_N(weeks * W);
  if (shapes.is_delayed(channel)) {
    CarriedMedia carried;
    for (int64_t w = 0; w < W; ++w) {
      carry_delayed({media_TW.data() + w, W}, shapes.decay(channel), shapes.peak(channel), shapes.max_lag, T, carried);
      for (int64_t v = 0; v < weeks; ++v) carried_N[v * W + w] = carried.adstock_T[static_cast<size_t>(v * stride_)];
    }
  } else {
    const double decay = shapes.decay(channel);
    Eigen::ArrayXd state_W = Eigen::ArrayXd::Zero(W);
    for (int64_t t = 0; t < T; ++t) {
      state_W =
          decay * state_W + (1.0 - decay) * Eigen::Map<const Eigen::ArrayXf>(media_TW.data() + t * W, W).cast<double>();
      if (t % stride_ == 0) carried_N.segment(t / stride_ * W, W) = state_W;
    }
  }
  const Eigen::ArrayXd distance_N = (carried_N + kernels::kHillOffset).log() - shapes.log_half(channel);
  return (1.0 + (-shapes.exponent(channel) * distance_N).exp()).inverse();
}

}  // namespace dcmmm
