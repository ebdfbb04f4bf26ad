#include "sweep/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace dcmmm {
namespace {

constexpr double kBestShare = 0.1;
constexpr size_t kMostBest = 25;
constexpr int kCandidates = 24;
constexpr double kLeastWidth = 0.01;  // of a kernel, as a share of the range

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// A mixture over the unit cube: numbers by normal kernels cut off at its sides, choices by weights.
class Mixture {
 public:
  Mixture(const SearchSpace& space, std::vector<std::vector<double>> centres)
      : space_(space), centres_(std::move(centres)) {
    // Scott's rule, from a fifth of the range for a single trial: what Optuna's multivariate TPE takes, too.
    const auto count = static_cast<double>(std::max<size_t>(centres_.size(), 1));
    width_ = std::max(0.2 * std::pow(count, -1.0 / (static_cast<double>(space.size()) + 4)), kLeastWidth);
  }

  std::vector<double> draw(RandomStream& random) const {
    const auto kernel = static_cast<size_t>(random.uniform() * static_cast<double>(centres_.size() + 1));
    std::vector<double> out;
    for (size_t p = 0; p < space_.size(); ++p) {
      if (kernel == centres_.size() || std::isnan(centres_[kernel][p]))
        out.push_back(from_unit(space_[p], random.uniform()));
      else if (space_[p].kind == Parameter::Kind::kChoice)
        out.push_back(random.uniform() < own_weight(p) ? centres_[kernel][p] : from_unit(space_[p], random.uniform()));
      else
        out.push_back(from_unit(space_[p], draw_near(to_unit(space_[p], centres_[kernel][p]), random)));
    }
    leave_out_inactive(space_, out);
    return out;
  }

  double log_density(const std::vector<double>& values) const {
    std::vector<double> logs = {0.0};  // the prior: 1 everywhere
    for (const auto& centre : centres_) {
      double log_kernel = 0;
      for (size_t p = 0; p < space_.size(); ++p) log_kernel += std::log(factor(p, centre[p], values[p]));
      logs.push_back(log_kernel);
    }
    const double most = *std::max_element(logs.begin(), logs.end());
    double sum = 0;
    for (const double value : logs) sum += std::exp(value - most);
    return most + std::log(sum / static_cast<double>(logs.size()));
  }

 private:
  // A kernel on choices keeps its own with this probability, beside an even draw of all.
  double own_weight(size_t p) const {
    const auto choices = static_cast<double>(space_[p].choices.size());
    const auto count = static_cast<double>(centres_.size());
    return count / (count + choices);
  }

  double factor(size_t p, double centre, double value) const {
    const Parameter& parameter = space_[p];
    if (std::isnan(centre) || std::isnan(value)) return 1;  // says nothing where it doesn't count
    if (parameter.kind == Parameter::Kind::kChoice) {
      const double own = own_weight(p);
      return (1 - own) + (centre == value ? own * static_cast<double>(parameter.choices.size()) : 0);
    }
    const double middle = to_unit(parameter, centre);
    const double z = (to_unit(parameter, value) - middle) / width_;
    const double inside = normal_cdf((1 - middle) / width_) - normal_cdf(-middle / width_);
    return std::exp(-0.5 * z * z) / (width_ * std::sqrt(2 * std::numbers::pi) * inside) + 1e-300;
  }

  double draw_near(double middle, RandomStream& random) const {
    for (;;) {  // half of the kernel at least lies inside
      const double place = middle + width_ * random.normal();
      if (place >= 0 && place < 1) return place;
    }
  }

  const SearchSpace& space_;
  std::vector<std::vector<double>> centres_;
  double width_ = 0;
};

}  // namespace

std::optional<std::vector<double>> tpe_values(const SearchSpace& space, const std::vector<Observation>& seen,
                                              RandomStream& random) {
  std::vector<size_t> order(seen.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto loss = [&](size_t i) { return std::isnan(seen[i].loss) ? INFINITY : seen[i].loss; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return loss(a) < loss(b); });
  const auto finished = static_cast<size_t>(
      std::count_if(seen.begin(), seen.end(), [](const Observation& trial) { return !std::isnan(trial.loss); }));
  if (finished < 2) return std::nullopt;
  const auto share = static_cast<size_t>(std::ceil(kBestShare * static_cast<double>(finished)));
  const size_t best = std::min(share, kMostBest);
  std::vector<std::vector<double>> good, others;
  for (size_t place = 0; place < order.size(); ++place)
    (place < best ? good : others).push_back(seen[order[place]].values);
  const Mixture l(space, std::move(good)), g(space, std::move(others));
  std::vector<double> out;
  double most = -INFINITY;
  for (int i = 0; i < kCandidates; ++i) {
    std::vector<double> candidate = l.draw(random);
    const double ratio = l.log_density(candidate) - g.log_density(candidate);
    if (ratio > most) {
      most = ratio;
      out = std::move(candidate);
    }
  }
  return out;
}

}  // namespace dcmmm
