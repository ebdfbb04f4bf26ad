#include "likelihood/shapes.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "model/kernels/media.hpp"

// T weeks, C channels, P columns.
namespace dcmmm {
namespace {

double softplus(double value) { return value > 30 ? value : std::log1p(std::exp(value)); }
double logistic(double value) { return 1.0 / (1.0 + std::exp(-value)); }

// The same of a channel with reach and frequency: the carry-over of reach times the curve of its frequency.
void fill_reach(ChannelMedia media, const Shapes& shapes, int64_t channel, int64_t column, const ColumnLayout* layout,
                CarriedMedia& carried, RowMatrix& out) {
  const double decay = shapes.decay(channel), exponent = shapes.exponent(channel), log_half = shapes.log_half(channel);
  const double exponent_slope = shapes.exponent_slope(channel);
  std::vector<float> value_T(static_cast<size_t>(out.rows()));
  const auto carry = [&](const auto& value_of, int64_t to) {
    for (int64_t t = 0; t < out.rows(); ++t) {
      const double distance = std::log(media.frequency[t * media.stride] + kernels::kHillOffset) - log_half;
      value_T[t] = static_cast<float>(media.at(t) * value_of(logistic(exponent * distance), distance));
    }
    carry_geometric({value_T.data(), 1}, decay, out.rows(), carried);
    for (int64_t t = 0; t < out.rows(); ++t) out(t, to) = carried.adstock_T[t];
  };
  carry([](double response, double) { return response; }, column);
  if (layout == nullptr) return;
  for (int64_t t = 0; t < out.rows(); ++t) out(t, layout->derivative(0, channel)) = carried.by_decay_T[t];
  carry([&](double response, double distance) { return response * (1.0 - response) * distance * exponent_slope; },
        layout->derivative(1, channel));
  carry([&](double response, double) { return -response * (1.0 - response) * exponent; },
        layout->derivative(2, channel));
  if (layout->derivatives > 3) out.col(layout->derivative(3, channel)).setZero();
}

// Response of one channel, and its derivatives with respect to the coordinates where `layout` has any.
void fill_response(ChannelMedia media, const Shapes& shapes, int64_t channel, int64_t column,
                   const ColumnLayout* layout, CarriedMedia& carried, RowMatrix& out) {
  if (media.is_off) {
    out.col(column).setZero();
    for (int64_t shape = 0; layout != nullptr && shape < layout->derivatives; ++shape)
      out.col(layout->derivative(shape, channel)).setZero();
    return;
  }
  if (media.frequency != nullptr) {
    fill_reach(media, shapes, channel, column, layout, carried, out);
    return;
  }
  if (shapes.is_delayed(channel))
    carry_delayed(media, shapes.decay(channel), shapes.peak(channel), shapes.max_lag, out.rows(), carried);
  else
    carry_geometric(media, shapes.decay(channel), out.rows(), carried);
  const double exponent = shapes.exponent(channel), log_half = shapes.log_half(channel);
  // Arrays: a fit takes millions of these logarithms and exponentials.
  using Weeks = Eigen::Map<const Eigen::ArrayXd>;
  const Eigen::ArrayXd adstock_T = Weeks(carried.adstock_T.data(), out.rows()) + kernels::kHillOffset;
  const Eigen::ArrayXd distance_T = adstock_T.log() - log_half;
  const Eigen::ArrayXd response_T = (1.0 + (-exponent * distance_T).exp()).inverse();
  out.col(column) = response_T;
  if (layout == nullptr) return;
  const double exponent_slope = shapes.exponent_slope(channel);
  const Eigen::ArrayXd slope_T = response_T * (1.0 - response_T), by_adstock_T = slope_T * exponent / adstock_T;
  out.col(layout->derivative(0, channel)) = by_adstock_T * Weeks(carried.by_decay_T.data(), out.rows());
  out.col(layout->derivative(1, channel)) = slope_T * distance_T * exponent_slope;
  out.col(layout->derivative(2, channel)) = -slope_T * exponent;
  if (layout->derivatives > 3)
    out.col(layout->derivative(3, channel)) = by_adstock_T * Weeks(carried.by_peak_T.data(), out.rows());
}

}  // namespace

bool Shapes::is_delayed(int64_t channel) const {
  return std::find(delayed_channels.begin(), delayed_channels.end(), channel) != delayed_channels.end();
}
double Shapes::peak(int64_t channel) const {
  return static_cast<double>(max_lag - 1) * logistic(coordinates[3 * channels() + channel]);
}
double Shapes::decay(int64_t channel) const { return logistic(coordinates[channel]); }
double Shapes::exponent(int64_t channel) const {
  return std::min(min_exponent + softplus(coordinates[channels() + channel]), max_exponent);
}
double Shapes::exponent_slope(int64_t channel) const {
  return exponent(channel) < max_exponent ? logistic(coordinates[channels() + channel]) : 0.0;
}
double Shapes::log_half(int64_t channel) const { return coordinates[2 * channels() + channel]; }
double Shapes::half_saturation(int64_t channel) const { return std::exp(log_half(channel)); }

double exponent_coordinate(double exponent, double min_exponent) {
  return std::log(std::expm1(exponent - min_exponent));
}
double decay_coordinate(double decay) { return std::log(decay / (1.0 - decay)); }

Shapes initial_shapes(const LikelihoodOptions& options, int64_t channels) {
  Shapes shapes;
  shapes.min_exponent = options.min_exponent;
  shapes.max_exponent = options.max_exponent;
  shapes.delayed_channels = options.delayed_channels;
  shapes.max_lag = options.max_lag;
  shapes.coordinates.resize(shapes.blocks() * channels);
  shapes.coordinates.head(channels).setConstant(decay_coordinate(options.decay));
  shapes.coordinates.segment(channels, channels)
      .setConstant(exponent_coordinate(options.exponent, options.min_exponent));
  shapes.coordinates.segment(2 * channels, channels).setConstant(std::log(options.half_saturation));
  if (shapes.blocks() > 3)  // a share of max_lag - 1 has the logit that a decay has
    shapes.coordinates.tail(channels).setConstant(
        decay_coordinate(options.peak / static_cast<double>(options.max_lag - 1)));
  for (int64_t c = 0; c < std::ssize(options.channel_priors); ++c) {
    const ChannelPrior& prior = options.channel_priors[c];
    if (prior.decay) shapes.coordinates[c] = decay_coordinate(prior.decay->mean);
    if (prior.exponent)
      shapes.coordinates[channels + c] = exponent_coordinate(prior.exponent->mean, options.min_exponent);
    if (prior.half_saturation) shapes.coordinates[2 * channels + c] = std::log(prior.half_saturation->mean);
  }
  return shapes;
}

Eigen::VectorXd prior_sd_of_shapes(const LikelihoodOptions& options, int64_t channels) {
  const bool has_peaks = !options.delayed_channels.empty();
  Eigen::VectorXd sd((has_peaks ? 4 : 3) * channels);
  sd.head(channels).setConstant(options.decay_prior_sd);
  sd.segment(channels, channels).setConstant(options.exponent_prior_sd);
  sd.segment(2 * channels, channels).setConstant(options.half_saturation_prior_sd);
  if (has_peaks) sd.tail(channels).setConstant(options.peak_prior_sd);
  // A channel's own priors are in natural units: their sds times the coordinate's slope at the mean.
  for (int64_t c = 0; c < std::ssize(options.channel_priors); ++c) {
    const ChannelPrior& prior = options.channel_priors[c];
    if (prior.decay) sd[c] = prior.decay->sd / (prior.decay->mean * (1.0 - prior.decay->mean));
    if (prior.exponent)
      sd[channels + c] = prior.exponent->sd / -std::expm1(-(prior.exponent->mean - options.min_exponent));
    if (prior.half_saturation) sd[2 * channels + c] = prior.half_saturation->sd / prior.half_saturation->mean;
  }
  return sd;
}

RowMatrix Frozen::path(const Eigen::VectorXd& amplitudes) const {
  const int64_t C = mean_C.size(), B = waves.count();
  RowMatrix out(waves.value_NB.rows(), C);
  for (int64_t c = 0; c < C; ++c) {
    const Eigen::VectorXd of_channel = amplitudes.segment(c * B, B);
    out.col(c) = (waves.value_NB * of_channel).array() - wave_mean_CB.row(c).dot(of_channel);
  }
  return out;
}

Eigen::MatrixXd prior_precision_of_shapes(const LikelihoodOptions& options, int64_t channels) {
  const Eigen::VectorXd sd = prior_sd_of_shapes(options, channels);
  const auto is_known = [&](int64_t channel) {
    return !options.channel_priors.empty() && options.channel_priors[channel].exponent;
  };
  Eigen::MatrixXd covariance = sd.cwiseAbs2().asDiagonal();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t d = 0; d < channels; ++d)
      if (c != d && !is_known(c) && !is_known(d))
        covariance(channels + c, channels + d) = options.exponent_correlation * sd[channels + c] * sd[channels + d];
  const Eigen::MatrixXd precision = covariance.llt().solve(Eigen::MatrixXd::Identity(sd.size(), sd.size()));
  return 0.5 * (precision + precision.transpose());
}

void fill_channel(ChannelMedia media, const ColumnLayout& layout, const Shapes& shapes, const Frozen* frozen, int64_t c,
                  CarriedMedia& carried, RowMatrix& out) {
  fill_response(media, shapes, c, layout.media(c), layout.derivatives > 0 ? &layout : nullptr, carried, out);
  if (layout.has_frozen) fill_response(media, frozen->shapes, c, layout.frozen(c), nullptr, carried, out);
  if (layout.waves == 0) return;
  const double scale = frozen->mean_C[c] > 0 ? frozen->share_C[c] / frozen->mean_C[c] : 0.0;
  for (int64_t t = 0; t < out.rows(); ++t) {
    const double response = scale * out(t, layout.frozen(c));
    for (int64_t b = 0; b < layout.waves; ++b)
      out(t, layout.wave(c, b)) = response * (frozen->waves.value_NB(t, b) - frozen->wave_mean_CB(c, b));
  }
}

void fill_columns(const LikelihoodData& data, const ColumnLayout& layout, const Shapes& shapes, const Frozen* frozen,
                  int64_t region, RowMatrix& out) {
  CarriedMedia carried;
  for (int64_t c = 0; c < layout.channels; ++c)
    fill_channel(data.media_of(region, c), layout, shapes, frozen, c, carried, out);
  const float* control = data.control_RTK.data() + region * data.weeks * data.controls;
  const double* target = data.target_RT.data() + region * data.weeks;
  const double* weight = data.weight_RT.data() + region * data.weeks;
  for (int64_t t = 0; t < out.rows(); ++t) {
    for (int64_t k = 0; k < layout.controls; ++k) out(t, layout.channels + k) = control[t * data.controls + k];
    for (int64_t s = 0; s < layout.patterns; ++s) out(t, layout.pattern(s)) = data.pattern_TS[t * data.patterns + s];
    out(t, layout.target()) = t < data.origin && weight[t] > 0 ? target[t] : 0.0;
  }
}

}  // namespace dcmmm
