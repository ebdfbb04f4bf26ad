// Months, quarters and years of a panel's weeks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/panel.hpp"

namespace dcmmm {

struct Period {
  std::string kind;              // "month", "quarter", "year"; of weeks without dates "4 weeks", "13 weeks", "52 weeks"
  std::string label;             // "2024-03", "2024-Q1", "2024"; "0..12" without dates
  int64_t first = 0, count = 0;  // the panel's weeks [first, first + count)
};

/// All periods longer than a step, by kind and then by time. A week counts for the month, quarter and year in which it
/// begins; the first and the last period may be incomplete.
std::vector<Period> periods_of(const std::vector<std::string>& weeks, TimeStep step);

}  // namespace dcmmm
