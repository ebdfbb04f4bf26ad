// The exported tables with rows of cells (regions x weeks), and of regions: straight from results and panel.
#pragma once

#include "analysis/csv_writer.hpp"
#include "analysis/table_source.hpp"

namespace dcmmm {

/// prediction.csv; intervals cover `level`.
void write_prediction(CsvWriter& csv, const TableSource& source, double level);
void write_contributions(CsvWriter& csv, const TableSource& source);  // contributions.csv
void write_coefficients(CsvWriter& csv, const TableSource& source);   // coefficients.csv
/// holdout.csv: observed held-out cells with the model's forecast and every naive one.
void write_holdout(CsvWriter& csv, const TableSource& source);
void write_regions(CsvWriter& csv, const TableSource& source);  // regions.csv: all regions

}  // namespace dcmmm
