#include "data/table_import.hpp"

#include <sstream>
#include <utility>

#include "common/counted.hpp"
#include "common/text.hpp"
#include "data/panel_assembler.hpp"
#include "data/panel_file.hpp"
#include "data/split.hpp"
#include "data/table_rows.hpp"

namespace dcmmm {
namespace {

std::string first_few(const std::vector<std::string>& names) {
  constexpr size_t kShown = 10;
  if (names.size() <= kShown) return join(names);
  return join({names.begin(), names.begin() + kShown}) + text(" and ", names.size() - kShown, " more");
}

}  // namespace

Panel import_table(const ImportOptions& options, ImportReport* report) {
  ImportReport local;
  ImportReport& used = report ? *report : local;
  used = {};
  const TableRows rows(options, used);
  PanelAssembler assembler(rows, options, used);
  Panel panel;
  assembler.each_block(used.regions, [&](Panel& block) { panel = std::move(block); });
  panel.coordinates = assembler.coordinates();
  return panel;
}

ImportReport import_table(const ImportOptions& options, const std::filesystem::path& output) {
  constexpr int64_t kBlockRegions = 256;  // some MiB
  ImportReport report;
  const TableRows rows(options, report);
  PanelAssembler assembler(rows, options, report);
  PanelWriter writer(output, assembler.coordinates(), assembler.has_dark());
  assembler.each_block(kBlockRegions, [&](const Panel& block) { writer.append(block); });
  writer.finish();
  return report;
}

std::string describe(const ImportReport& report) {
  std::ostringstream out;
  out << describe(report.roles);
  out << counted(report.rows, "rows") << ": " << counted(report.regions, "regions") << " x "
      << counted(report.weeks, steps_name(report.step)) << ", " << counted(report.observed_cells, "observed cells")
      << "\n";
  const auto note = [&](int64_t count, const std::string& plural, const std::string& what) {
    if (count > 0) out << counted(count, plural) << what << "\n";
  };
  const auto number_of = [](const std::vector<std::string>& names) { return static_cast<int64_t>(names.size()); };
  note(report.missing_rows, "missing rows",
       text(" in ", counted(number_of(report.incomplete_regions), "regions"),
            ", masked: ", first_few(report.incomplete_regions)));
  note(report.missing_targets, "rows", " without a target, masked");
  note(report.negative_targets, "negative targets", ": check that the target may be negative");
  if (!report.target_varies && report.observed_cells > report.regions)
    out << "The target is the same in every row of a region: there is nothing for media to explain. Is '"
        << report.roles.target << "' the right column (data.target)?\n";
  note(report.zeroed_media_cells, "missing media or spend cells", ", taken as 0");
  note(report.carried_control_cells, "missing control cells", ", carried forward within their region");
  note(report.unknown_control_cells, "missing control cells", " before the region's first known value, taken as 0");
  note(number_of(report.short_regions), "regions",
       text(" with fewer than ", kMinimumTrainingWeeks, " observed weeks: ", first_few(report.short_regions)));
  note(number_of(report.varying_populations), "regions",
       text(" whose population changes from row to row; the mean of its rows is used: ",
            first_few(report.varying_populations)));
  if (!report.events.empty())
    out << counted(number_of(report.events), "events") << ": " << first_few(report.events) << "\n";
  for (const auto& line : report.event_notes) out << line << "\n";
  for (const auto& line : report.roles.notes) out << line << "\n";
  return out.str();
}

}  // namespace dcmmm
