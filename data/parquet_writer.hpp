// Tables as Parquet, from their CSV.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace dcmmm {

/// Writes the table in `csv` (RFC 4180 with a header line) to `output` as Parquet, batch by batch, with the same
/// columns and rows: columns named in `texts` as strings, all others as float64 to the last bit, null where a field is
/// empty. The same CSV gives the same bytes. Throws UserError where `output` can't be written, where a number isn't
/// one, or where the program was built without Arrow.
void write_parquet(const std::filesystem::path& csv, const std::set<std::string>& texts,
                   const std::filesystem::path& output);

}  // namespace dcmmm
