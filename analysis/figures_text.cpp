#include "analysis/figures_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace dcmmm {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json figures_json(const Figures& figures) {
  return {{"r2", number_or_null(figures.r2)},
          {"rmse", number_or_null(figures.rmse)},
          {"mae", number_or_null(figures.mae)},
          {"relative_error", number_or_null(figures.relative_error)},
          {"wape", number_or_null(figures.wape)},
          {"median_region_r2", number_or_null(figures.median_region_r2)},
          {"median_region_relative_error", number_or_null(figures.median_region_relative_error)},
          {"cells", figures.cells}};
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char digits[400];
  std::snprintf(digits, sizeof digits, "%.*f", decimals, value);
  return digits;
}

std::string grouped(double value) {
  const double size = std::abs(value);
  if (size > 0 && size < 1e-3) {  // five decimals would leave two digits or none
    char digits[32];
    std::snprintf(digits, sizeof digits, "%#.3g", value);
    return digits;
  }
  std::string digits = fixed(value, size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 3 : 5);
  if (!std::isfinite(value)) return digits;
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = std::min(digits.find('.'), digits.size()); at > first + 3; at -= 3)
    digits.insert(at - 3, 1, ',');
  return digits;
}

std::string percent(double value) { return std::isfinite(value) ? fixed(100 * value, 2) + " %" : "-"; }

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width(rows.empty() ? 0 : rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    out.append(row[0]).append(width[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) out.append(2 + width[i] - row[i].size(), ' ').append(row[i]);
    out += '\n';
  }
  return out;
}

}  // namespace dcmmm
