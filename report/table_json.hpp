// CSV tables as JSON columns: the very numbers of the files, in less space.
#pragma once

#include <istream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dcmmm {

/// {"columns": [name, ...], "rows": n, "values": {name: column}}: a column of numbers is a list (an empty field is
/// null); a column of texts is {"labels": [...], "codes": [place in labels, ...]}. Which columns are texts is told by
/// their names (week, region, channel, ...), not by what they hold: a region may be called 007. `csv` is RFC 4180 with
/// a header line, as CsvWriter writes it; texts are there without the ' that it has before what a spreadsheet would
/// run.
nlohmann::ordered_json table_json(const std::string& csv);

/// The fields of such a table's next row, the header's at first; empty at its end.
std::vector<std::string> next_row(std::istream& csv);

}  // namespace dcmmm
