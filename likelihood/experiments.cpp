#include "likelihood/experiments.hpp"

#include <algorithm>
#include <cmath>

// E experiments, P columns, T training weeks.
namespace dcmmm {
namespace {

constexpr double kDoubtful = 3.0;  // standard deviations

// Columns of the experiment's channel in one region, less those with the channel off in the experiment's weeks.
class Difference {
 public:
  explicit Difference(const ColumnLayout& layout) : layout_(layout) {}

  const RowMatrix& of(const LikelihoodData& data, const Experiment& test, const Shapes& shapes, const Frozen* frozen,
                      int64_t region) {
    const int64_t weeks = test.last_week + 1;
    const ChannelMedia media = data.media_of(region, test.channel);
    media_T_.resize(static_cast<size_t>(weeks));
    for (int64_t t = 0; t < weeks; ++t) media_T_[t] = t < test.first_week ? static_cast<float>(media.at(t)) : 0.0F;
    on_.setZero(weeks, layout_.count());
    off_.setZero(weeks, layout_.count());
    fill_channel(media, layout_, shapes, frozen, test.channel, carried_, on_);
    frequency_T_.clear();
    for (int64_t t = 0; t < weeks && media.frequency != nullptr; ++t)
      frequency_T_.push_back(media.frequency[t * media.stride]);
    fill_channel({media_T_.data(), 1, media.is_off, media.frequency != nullptr ? frequency_T_.data() : nullptr},
                 layout_, shapes, frozen, test.channel, carried_, off_);
    on_ -= off_;
    return on_;
  }

 private:
  ColumnLayout layout_;
  std::vector<float> media_T_, frequency_T_;
  CarriedMedia carried_;
  RowMatrix on_, off_;
};

// Calls work(e, region) for the experiments and the chunk's usable regions that take part in them.
template <class Work>
void each_region(const LikelihoodData& data, Chunk chunk, int64_t first_region, const Work& work) {
  for (size_t e = 0; e < data.experiments.size(); ++e) {
    const std::vector<int64_t>& regions = data.experiments[e].regions;
    const int64_t begin = first_region + chunk.first;
    for (auto place = std::lower_bound(regions.begin(), regions.end(), begin);
         place != regions.end() && *place < begin + chunk.count; ++place)
      if (data.is_usable(*place - first_region)) work(static_cast<int64_t>(e), *place - first_region);
  }
}

}  // namespace

ExperimentRows experiment_rows(const LikelihoodData& data, const ColumnLayout& layout, const Shapes& shapes,
                               const Frozen& frozen, const Components& components, const RegionLoop& loop) {
  const auto E = static_cast<int64_t>(data.experiments.size());
  const int64_t P = layout.count(), width = P + 1;  // the last: sum over regions of (m_r H_r)^2 at the frozen curves
  ExperimentRows out{RowMatrix(E, P), Eigen::VectorXd(E)};
  if (E == 0) return out;
  const std::vector<double> sums = loop.sum(E * width, [&](Chunk chunk, std::span<double> total) {
    Difference difference(layout);
    each_region(data, chunk, loop.plan().first_region, [&](int64_t e, int64_t region) {
      const Experiment& test = data.experiments[e];
      const RowMatrix& columns = difference.of(data, test, shapes, &frozen, region);
      const double size = data.size_R[region];
      const Eigen::RowVectorXd row = size * columns.bottomRows(test.last_week - test.first_week + 1).colwise().sum();
      Eigen::Map<Eigen::RowVectorXd>(total.data() + e * width, P) += row;
      const double at_frozen = row[layout.frozen(test.channel)];
      total[e * width + P] += at_frozen * at_frozen;
    });
  });
  for (int64_t e = 0; e < E; ++e) {
    const Experiment& test = data.experiments[e];
    out.row_EP.row(e) = Eigen::Map<const Eigen::RowVectorXd>(sums.data() + e * width, P);
    out.row_EP(e, layout.target()) = test.lift;
    const double mean = frozen.mean_C[test.channel];
    const double slope = mean > 0 ? components.media_slope_sd() * frozen.share_C[test.channel] / mean : 0.0;
    out.variance_E[e] = test.standard_error * test.standard_error + slope * slope * sums[e * width + P];
  }
  return out;
}

RowMatrix weekly_lifts(const LikelihoodData& data, const Shapes& shapes, const RegionLoop& loop) {
  const auto E = static_cast<int64_t>(data.experiments.size());
  const int64_t T = data.origin;
  if (E == 0) return RowMatrix(0, T);
  const ColumnLayout layout{data.channels, 0, 0};
  const std::vector<double> sums = loop.sum(E * T, [&](Chunk chunk, std::span<double> total) {
    Difference difference(layout);
    each_region(data, chunk, loop.plan().first_region, [&](int64_t e, int64_t region) {
      const Experiment& test = data.experiments[e];
      const RowMatrix& columns = difference.of(data, test, shapes, nullptr, region);
      for (int64_t t = test.first_week; t <= test.last_week; ++t)
        total[e * T + t] += data.size_R[region] * columns(t, test.channel);
    });
  });
  return Eigen::Map<const RowMatrix>(sums.data(), E, T);
}

double ExperimentReport::surprise() const {
  return (test.lift - panel) / std::sqrt(spread * spread + panel_sd * panel_sd);
}

bool ExperimentReport::is_doubtful() const {
  return std::abs(surprise()) > kDoubtful || std::abs(residual()) > kDoubtful;
}

}  // namespace dcmmm
