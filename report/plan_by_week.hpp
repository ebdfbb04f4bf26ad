// A plan that decided week by week, for the page.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace dcmmm {

/// Spend by channel and week: plan.csv added up over regions, which may be many, row by row. {"channels": [...],
/// "weeks": [...], "now_CW": [...], "plan_CW": [...]}, or null where the plan has no weeks. Throws DamagedFileError.
nlohmann::ordered_json plan_by_week(const std::filesystem::path& file);

}  // namespace dcmmm
