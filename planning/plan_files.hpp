// A plan's files and its table for people (docs/planning.md).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "planning/budget_plan.hpp"

namespace dcmmm {

/// The names of a plan's files, and what a CSV file's first line is.
const std::map<std::string, std::string>& plan_headers();

/// Writes plan.csv, channels.csv, scenarios.csv, scenario_channels.csv and plan.json into the folder (made when
/// missing; each file appears complete or not at all). The same plan gives the same bytes.
void write_plan_files(const std::filesystem::path& folder, const FittedRun& run, const PlanOptions& options,
                      const BudgetPlan& plan);

/// Channels now and planned, then the scenarios.
std::string plan_table(const FittedRun& run, const PlanOptions& options, const BudgetPlan& plan);

}  // namespace dcmmm
