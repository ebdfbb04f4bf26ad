#include "report/plan_by_week.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "report/table_json.hpp"

namespace dcmmm {
namespace {

/// Names in the order in which they came first.
struct Labels {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> place_of;

  std::size_t place(const std::string& name) {
    const auto [found, is_new] = place_of.try_emplace(name, names.size());
    if (is_new) names.push_back(name);
    return found->second;
  }
};

}  // namespace

nlohmann::ordered_json plan_by_week(const std::filesystem::path& file) {
  std::ifstream csv(file);
  const std::vector<std::string> header = next_row(csv);
  const auto fail = [&] {
    throw DamagedFileError(
        text("'", file.string(), "' isn't a plan as `dcmmm plan` writes it: make it again, or restore it."));
  };
  const auto place_of = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) fail();
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t channel = place_of("channel"), week = place_of("week"), now = place_of("spend_now"),
                    plan = place_of("spend_plan");
  Labels channels, weeks;
  std::map<std::pair<std::size_t, std::size_t>, std::array<double, 2>> sums;  // now and planned, by channel and week
  for (std::vector<std::string> row = next_row(csv); !row.empty(); row = next_row(csv)) {
    if (row.size() != header.size()) fail();
    auto& sum = sums[{channels.place(row[channel]), weeks.place(row[week])}];
    sum[0] += std::strtod(row[now].c_str(), nullptr);
    sum[1] += std::strtod(row[plan].c_str(), nullptr);
  }
  const std::size_t W = weeks.names.size();
  if (W < 2) return nullptr;
  std::vector<double> now_CW(channels.names.size() * W), plan_CW(now_CW.size());
  for (const auto& cell : sums) {
    const std::size_t place = cell.first.first * W + cell.first.second;
    now_CW[place] = cell.second[0];
    plan_CW[place] = cell.second[1];
  }
  return {{"channels", channels.names}, {"weeks", weeks.names}, {"now_CW", now_CW}, {"plan_CW", plan_CW}};
}

}  // namespace dcmmm
