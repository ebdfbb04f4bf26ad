#include "analysis/periods.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "common/text.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

void append(const std::string& kind, int64_t weeks, const std::function<std::string(int64_t)>& label_of,
            std::vector<Period>& out) {
  for (int64_t week = 0; week < weeks; ++week) {
    std::string label = label_of(week);
    if (out.empty() || out.back().kind != kind || out.back().label != label)
      out.push_back({kind, std::move(label), week, 0});
    ++out.back().count;
  }
}

}  // namespace

std::vector<Period> periods_of(const std::vector<std::string>& weeks, TimeStep step) {
  const auto T = static_cast<int64_t>(weeks.size());
  std::vector<Period> out;
  const auto time = weeks.empty() ? std::nullopt : parse_time(weeks.front());
  if (!time || !time->is_date) {
    for (const int64_t length : {4, 13, 52})
      append(
          text(length, " weeks"), T,
          [&](int64_t week) {
            const int64_t first = week / length * length;
            return text(weeks[static_cast<std::size_t>(first)], "..",
                        weeks[static_cast<std::size_t>(std::min(first + length, T) - 1)]);
          },
          out);
    return out;
  }
  // Labels are ISO dates: "2024-03-25", or "2024-03" of a month.
  const auto year = [&](int64_t week) { return weeks[static_cast<std::size_t>(week)].substr(0, 4); };
  const auto month = [&](int64_t week) { return weeks[static_cast<std::size_t>(week)].substr(0, 7); };
  if (step != TimeStep::kMonth) append("month", T, month, out);
  append(
      "quarter", T, [&](int64_t week) { return text(year(week), "-Q", (std::stoi(month(week).substr(5)) + 2) / 3); },
      out);
  append("year", T, year, out);
  return out;
}

}  // namespace dcmmm
