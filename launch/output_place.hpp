// Where a command may write its output.
#pragma once

#include <filesystem>

namespace dcmmm {

/// Throws UserError where the file `output` can't be written: there is no such folder, or none that may be written, or
/// it is one of the system's names such as /dev/stdout. Before the work, and with what to do about it.
void check_place_of(const std::filesystem::path& output);

}  // namespace dcmmm
