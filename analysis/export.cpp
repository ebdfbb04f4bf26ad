#include "analysis/export.hpp"

#include <optional>

#include "analysis/run_tables.hpp"
#include "analysis/text_columns.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/parquet_writer.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

std::string file_name(const std::string& table, const ExportOptions& options) {
  return options.format == TableFormat::kCsv ? table : fs::path(table).replace_extension(".parquet").string();
}

void write_csv(const fs::path& path, const TableRows& rows) {
  replace_file(path, [&](const fs::path& temporary) {
    CsvWriter csv(temporary, path.string());
    rows(csv);
  });
}

// Through a CSV beside it, so that both formats hold the same values.
void write_parquet_table(const fs::path& path, const TableRows& rows) {
  replace_file(path, [&](const fs::path& temporary) {
    const fs::path csv_path = temporary.string() + ".csv";
    const auto remove_csv = [&] {
      std::error_code ignored;
      fs::remove(csv_path, ignored);
    };
    try {
      CsvWriter csv(csv_path, path.string());
      rows(csv);
      write_parquet(csv_path, text_columns(), temporary);
    } catch (...) {
      remove_csv();
      throw;
    }
    remove_csv();
  });
}

}  // namespace

void export_results(const fs::path& results, const PanelFile& panel, const fs::path& output,
                    const ExportOptions& options) {
  // Only once the run and its panel are known to be right.
  const auto make_folder = [&] {
    std::error_code failure;
    fs::create_directories(output, failure);
    if (failure)
      throw UserError(text("Can't make the folder '", output.string(), "': ", failure.message(),
                           ". Give output=DIR a folder that may be written."));
  };
  const auto write = [&](const std::string& name, const std::string&, const TableRows& rows) {
    make_folder();
    if (options.format == TableFormat::kCsv)
      write_csv(output / file_name(name, options), rows);
    else
      write_parquet_table(output / file_name(name, options), rows);
  };
  write_tables(results, panel, options, std::nullopt, write);
  if (options.note && !options.money.has_spend(panel.coordinates())) {
    options.note(
        "The panel has neither spend (data.spend) nor prices (data.cost): spend, ROI and marginal ROI are in media "
        "units.");
  }
}

std::map<std::string, std::string> export_tables(const fs::path& results, const PanelFile& panel,
                                                 const ChosenTables& chosen, const ExportOptions& options) {
  std::map<std::string, std::string> out;
  write_tables(results, panel, options, chosen,
               [&](const std::string& name, const std::string&, const TableRows& rows) {
                 CsvWriter csv(out[name]);
                 rows(csv);
               });
  return out;
}

std::map<std::string, std::string> exported_headers(const fs::path& results, const PanelFile& panel,
                                                    const ExportOptions& options) {
  std::map<std::string, std::string> out;
  const auto keep = [&](const std::string& name, const std::string& header, const TableRows&) {
    out[file_name(name, options)] = header;
  };
  write_tables(results, panel, options, std::nullopt, keep);
  return out;
}

}  // namespace dcmmm
