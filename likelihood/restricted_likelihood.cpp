#include "likelihood/restricted_likelihood.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <exception>
#include <nlopt.hpp>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

constexpr double kDifference = 1e-4;  // of the components, for forward differences

// Components that change the regions' covariances; the others change the national level or the waves' prior alone,
// which needs no pass.
constexpr std::size_t kRegional = static_cast<std::size_t>(Component::kSlow);

class Objective {
 public:
  Objective(const LikelihoodData& data, const LikelihoodOptions& options, const Frozen& frozen, int64_t all_regions,
            const Components& start, const RegionLoop& loop)
      : options_(options),
        frozen_(frozen),
        layout_{data.channels, data.controls, data.patterns, 0, false, frozen.waves.count()},
        components_(start),
        loop_(loop),
        pass_{data, layout_, frozen.shapes,          &frozen_,    components_,
              {},   true,    options.sample_regions, all_regions, nullptr} {
    for (std::size_t i = 0; i < kComponents; ++i) {
      const auto component = static_cast<Component>(i);
      const bool of_slopes = component == Component::kMediaSlope || component == Component::kSeasonSlope;
      const bool of_drift = component == Component::kDrift, of_nation = i >= kRegional && !of_drift;
      if ((of_slopes && !start.slopes) || (of_nation && !start.national) || (of_drift && !start.drift)) continue;
      free_.push_back(i);
    }
    columns_ = keep_columns(pass_, loop);
    pass_.columns = &columns_;
  }

  const std::vector<std::size_t>& free() const { return free_; }
  int64_t evaluations() const { return evaluations_; }

  /// What drift adds to the log likelihood, priors of the components left out; 0 without drift.
  double drift_gain(const Components& components) {
    if (!components.drift) return 0.0;
    const auto place = static_cast<std::size_t>(Component::kDrift);
    Components still = components;
    still.value[place] = component_specs()[place].low;
    const PanelSums sums = sums_of(components);
    const auto without_prior = [&](const Components& here) {
      return negative_log(sums, here) - 0.5 * squared_distance(here, place);
    };
    return without_prior(still) - without_prior(components);
  }

  Components at(const std::vector<double>& values) const {
    Components out = components_;
    for (std::size_t i = 0; i < free_.size(); ++i) out.value[free_[i]] = values[i];
    return out;
  }

  double value(const std::vector<double>& values, std::vector<double>& gradient) {
    const Components here = at(values);
    const PanelSums sums = sums_of(here);
    const double base = negative_log(sums, here);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      std::vector<double> moved = values;
      moved[i] += kDifference;
      const Components there = at(moved);
      gradient[i] = (negative_log(free_[i] < kRegional ? sums_of(there) : sums, there) - base) / kDifference;
    }
    return base;
  }

 private:
  PanelSums sums_of(const Components& components) {
    ++evaluations_;
    const RegionPass pass{pass_.data,
                          layout_,
                          pass_.shapes,
                          &frozen_,
                          components,
                          slope_columns(layout_, components, frozen_),
                          true,
                          pass_.sample_regions,
                          pass_.all_regions,
                          pass_.columns};
    return sum_regions(pass, loop_);
  }

  double negative_log(const PanelSums& sums, const Components& components) const {
    const IntegratedSums integrated = integrate_nation(sums, components);
    const Eigen::VectorXd scale = share_scale(sums, layout_);
    const Eigen::MatrixXd gram = scale.asDiagonal() * integrated.gram_PP * scale.asDiagonal();
    const int64_t L = layout_.linear(), y = layout_.target();
    const LinearPrior prior = linear_prior(options_, pass_.data, components, layout_, frozen_.waves);
    Eigen::MatrixXd matrix = gram.topLeftCorner(L, L);
    matrix.diagonal() += prior.precision;
    const Eigen::LLT<Eigen::MatrixXd> factor(matrix);
    if (factor.info() != Eigen::Success) return HUGE_VAL;
    const Eigen::VectorXd of_prior = prior.precision.cwiseProduct(prior.mean);
    const Eigen::VectorXd right = gram.col(y).head(L) + of_prior;
    double out = sums.log_determinant + integrated.log_determinant - prior.precision.array().log().sum() + gram(y, y) +
                 prior.mean.dot(of_prior) - right.dot(factor.solve(right));
    for (int64_t i = 0; i < L; ++i) out += 2 * std::log(factor.matrixLLT()(i, i));
    out *= 0.5;
    for (const std::size_t i : free_) out += 0.5 * squared_distance(components, i);
    return out;
  }

  static double squared_distance(const Components& components, std::size_t i) {
    const double distance = (components.value[i] - component_specs()[i].prior_mean) / component_specs()[i].prior_sd;
    return distance * distance;
  }

  const LikelihoodOptions& options_;
  const Frozen& frozen_;
  ColumnLayout layout_;
  Components components_;
  const RegionLoop& loop_;
  RegionPass pass_;
  std::vector<std::size_t> free_;
  std::vector<RowMatrix> columns_;
  int64_t evaluations_ = 0;
};

}  // namespace

std::vector<SlopeColumn> slope_columns(const ColumnLayout& layout, const Components& components, const Frozen& frozen) {
  std::vector<SlopeColumn> slopes;
  if (!components.slopes) return slopes;
  for (int64_t c = 0; c < layout.channels; ++c)
    if (frozen.mean_C[c] > 0 && frozen.share_C[c] > 0)
      slopes.push_back({layout.frozen(c), components.media_slope_sd() * frozen.share_C[c] / frozen.mean_C[c]});
  for (int64_t s = 0; s < layout.patterns; ++s) slopes.push_back({layout.pattern(s), components.season_slope_sd()});
  return slopes;
}

ComponentEstimate estimate_components(const LikelihoodData& data, const LikelihoodOptions& options,
                                      const Frozen& frozen, const Components& start, int64_t all_regions,
                                      int64_t max_steps, const RegionLoop& loop) {
  Objective objective(data, options, frozen, all_regions, start, loop);
  const auto count = static_cast<unsigned>(objective.free().size());
  std::vector<double> values, low, high;
  for (const std::size_t i : objective.free()) {
    values.push_back(start.value[i]);
    low.push_back(component_specs()[i].low);
    high.push_back(component_specs()[i].high);
  }
  nlopt::opt search(nlopt::LD_SLSQP, count);
  search.set_lower_bounds(low);
  search.set_upper_bounds(high);
  search.set_maxeval(static_cast<int>(max_steps));
  search.set_ftol_abs(0.05);  // of a log likelihood: far below what tells two settings apart
  double best = HUGE_VAL;
  std::vector<double> best_values = values;
  std::exception_ptr failure;  // of an evaluation: not NLopt's to judge
  const auto evaluate = [&](const std::vector<double>& x, std::vector<double>& gradient) {
    try {
      const double value = objective.value(x, gradient);
      if (value < best) {
        best = value;
        best_values = x;
      }
      return value;
    } catch (...) {
      failure = std::current_exception();
      throw nlopt::forced_stop();
    }
  };
  using Evaluate = decltype(evaluate);
  search.set_min_objective([](const std::vector<double>& x, std::vector<double>& gradient,
                              void* self) { return (*static_cast<Evaluate*>(self))(x, gradient); },
                           const_cast<void*>(static_cast<const void*>(&evaluate)));
  double value = 0;
  try {
    search.optimize(values, value);
  } catch (const std::runtime_error&) {
    // NLopt can't go on (rounding, or a stop of ours): the best point so far is what it is.
  }
  if (failure) std::rethrow_exception(failure);
  if (!std::isfinite(best))
    throw NumericalError(
        "The likelihood of the variance components is not finite. Check the panel for extreme values with `dcmmm "
        "inspect`, or use model.estimator=descent.");
  const Components found = objective.at(best_values);
  return {found, best, objective.drift_gain(found), objective.evaluations()};
}

}  // namespace dcmmm
