#include "report/crossval_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "report/table_json.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kComparedRegions = 64;
constexpr double kSame = 1e-9;

std::unordered_map<std::string, int64_t> places_of(const std::vector<std::string>& names) {
  std::unordered_map<std::string, int64_t> out;
  for (const std::string& name : names) out.emplace(name, static_cast<int64_t>(out.size()));
  return out;
}

}  // namespace

void check_crossval(const std::filesystem::path& folder, const PanelFile& panel) {
  const std::filesystem::path file = folder / "crossval.csv";
  std::ifstream csv(file);
  if (!csv) return;
  const auto fail = [&](const std::string& what) {
    throw UserError(text("'report.crossval' is '", folder.string(),
                         "', which evaluates another panel than the run's: ", what,
                         ". Expected the folder of a `dcmmm crossval` of the run's own panel; make one, or leave "
                         "report.crossval out."));
  };
  const std::vector<std::string> header = next_row(csv);
  std::vector<std::size_t> columns;
  for (const char* name : {"region", "week", "actual"}) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
      throw DamagedFileError(
          text("'", file.string(), "' isn't as `dcmmm crossval` writes it: make it again, or restore it."));
    columns.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  const PanelCoordinates& names = panel.coordinates();
  const auto region_places = places_of(names.regions), week_places = places_of(names.weeks);
  const Panel compared = panel.read(0, std::min(kComparedRegions, static_cast<int64_t>(names.regions.size())));
  for (std::vector<std::string> row = next_row(csv); row.size() == header.size(); row = next_row(csv)) {
    const std::string &region = row[columns[0]], &week = row[columns[1]], &actual = row[columns[2]];
    const auto r = region_places.find(region), t = week_places.find(week);
    if (r == region_places.end()) fail(text("it has a region '", region, "'"));
    if (t == week_places.end()) fail(text("it has a week '", week, "'"));
    if (r->second >= compared.regions) continue;
    const auto cell = static_cast<std::size_t>(r->second * compared.weeks() + t->second);
    const double known = compared.observed_RT[cell] != 0 ? compared.target_RT[cell]
                                                         : std::numeric_limits<double>::quiet_NaN(),
                 given =
                     actual.empty() ? std::numeric_limits<double>::quiet_NaN() : std::strtod(actual.c_str(), nullptr);
    const bool is_same =
        std::isnan(known) ? std::isnan(given) : std::abs(given - known) <= kSame * std::max(1.0, std::abs(known));
    if (!is_same)
      fail(text("the target of region '", region, "' in week '", week, "' is ",
                std::isnan(given) ? "missing" : shortest(given), " there and ",
                std::isnan(known) ? "missing" : shortest(known), " here"));
  }
}

}  // namespace dcmmm
