// Figures as JSON for programs and as aligned text for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/evaluation.hpp"

namespace dcmmm {

/// JSON knows no NaN: what doesn't apply is null.
nlohmann::ordered_json number_or_null(double value);

/// The keys of metrics.json's `train` and `holdout`.
nlohmann::ordered_json figures_json(const Figures& figures);

/// "-" where the value isn't finite.
std::string fixed(double value, int decimals);
/// Thousands separated by commas; decimals only where the number is small; three digits of one below .001 ("1.23e-06").
std::string grouped(double value);
std::string percent(double value);

/// Rows of the same number of fields as lines: the first column to the left, the others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace dcmmm
