// Cells of an Arrow array as the import takes them. Included by the table reader only, where Arrow is built in.
#pragma once

#include <arrow/array.h>

#include <string>

#include "data/table_reader.hpp"

namespace dcmmm {

/// Converts an array of numbers, text, dates, timestamps, decimals, booleans or a dictionary of these. `as_text` asks
/// for text whatever the type. Texts of a text array are views into it, so it must outlive the cells. `column` is how
/// messages name it ("panel.parquet, column 'tv'"). Throws UserError for lists, structures and other types.
void convert_cells(const arrow::Array& array, bool as_text, const std::string& column, CellColumn& cells);

}  // namespace dcmmm
