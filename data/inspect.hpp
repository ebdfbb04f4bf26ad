// What an HDF5 file of the project holds, for `dcmmm inspect`.
#pragma once

#include <filesystem>
#include <string>

namespace dcmmm {

/// Several lines: kind, dimensions, coordinates (long ones abbreviated), arrays with dimensions, element type and
/// units, attributes (versions, checksums), texts (the config of a checkpoint). Throws UserError when the file is
/// missing or isn't HDF5 at all, and DamagedFileError when it can't be read.
std::string describe_file(const std::filesystem::path& path);

}  // namespace dcmmm
