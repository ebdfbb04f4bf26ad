// Shapes: C channels, D draws.
#include "analysis/curve_tables.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace dcmmm {
namespace {

// A long table, of curves that nobody knows to six digits.
double six_digits(double value) {
  if (!std::isfinite(value)) return value;
  std::array<char, 32> digits;
  const char* end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::scientific, 5).ptr;
  double out = 0;
  std::from_chars(digits.data(), end, out);
  return out;
}

double multiple_at(int64_t point, double largest) {
  return largest * static_cast<double>(point) / static_cast<double>(kCurvePoints - 1);
}

}  // namespace

void CurveTables::write_curves(CsvWriter& csv) const {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    const auto channel = static_cast<int64_t>(c);
    for (int64_t point = 0; point < kCurvePoints; ++point) {
      const double multiple = multiple_at(point, curves_.largest_multiple(channel)),
                   marginal = curves_.marginal(channel, multiple);
      const CurveIntervals::Point range = intervals_.all_regions(channel, multiple);
      csv.raw(channels_[c]);
      for (const double value : {curves_.spend(channel, multiple), curves_.response(channel, multiple),
                                 range.response.lower, range.response.upper, marginal})
        csv.number(value);
      identified(csv, c);
      csv.raw(multiple > curves_.observed_multiple(channel) ? "yes" : "no");
      for (const double value : {range.marginal.lower, range.marginal.upper, revenue_ * marginal,
                                 revenue_ * range.marginal.lower, revenue_ * range.marginal.upper})
        csv.number(value);
      csv.end_row();
    }
  }
}

void CurveTables::write_saturation(CsvWriter& csv) const {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    const auto channel = static_cast<int64_t>(c);
    csv.raw(channels_[c]);
    csv.number(shared_.exponent_C[c]);
    csv.number(shared_.half_saturation_C[c]);
    csv.number(curves_.saturation_spend(channel));
    identified(csv, c);
    const double response = curves_.response(channel, 1), height = curves_.height(channel);
    const FittedHill fitted = fitted_curve(c);
    const Interval headroom = intervals_.headroom(channel);
    for (const double value : {curves_.spend(channel, 1), response, curves_.marginal(channel, 1),
                               curves_.half_saturation_spend(channel), height, 1 - response / height, fitted.height,
                               fitted.half_saturation, fitted.exponent, fitted.error, headroom.lower, headroom.upper})
      csv.number(value);
    csv.end_row();
  }
}

void CurveTables::write_region(CsvWriter& csv, std::size_t region, const std::string& name,
                               std::span<const double> factor_CD) const {
  const std::size_t draws = factor_CD.size() / channels_.size();
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    const auto channel = static_cast<int64_t>(c);
    const ResponseCurves::Use& use = curves_.uses(channel)[region];
    if (!(use.scaled > 0)) continue;
    for (int64_t point = 0; point < kRegionCurvePoints; ++point) {
      const double place = static_cast<double>(point) / static_cast<double>(kRegionCurvePoints - 1),
                   multiple = 1.5 * use.largest * place * place;
      const ResponseCurves::Point value = curves_.region_point(channel, region, multiple);
      const CurveIntervals::Point range =
          intervals_.region(channel, region, multiple, factor_CD.subspan(c * draws, draws));
      csv.raw(name);
      csv.raw(channels_[c]);
      for (const double number : {multiple * use.spend, value.response, range.response.lower, range.response.upper,
                                  value.marginal, range.marginal.lower, range.marginal.upper})
        csv.number(six_digits(number));
      csv.raw(multiple > use.largest ? "yes" : "no");
      identified(csv, c);
      for (const double number : {value.marginal, range.marginal.lower, range.marginal.upper})
        csv.number(six_digits(revenue_ * number));
      csv.end_row();
    }
  }
}

FittedHill CurveTables::fitted_curve(std::size_t c) const {
  const auto channel = static_cast<int64_t>(c);
  std::vector<double> spend, response;
  for (int64_t point = 0; point < kCurvePoints; ++point) {
    const double multiple = multiple_at(point, curves_.largest_multiple(channel));
    spend.push_back(curves_.spend(channel, multiple));
    response.push_back(curves_.response(channel, multiple));
  }
  return fit_hill(spend, response,
                  {curves_.height(channel), curves_.half_saturation_spend(channel), shared_.exponent_C[c], 0});
}

void CurveTables::identified(CsvWriter& csv, std::size_t channel) const {
  csv.raw(shared_.is_identified(channel) ? "yes" : "no");
}

}  // namespace dcmmm
