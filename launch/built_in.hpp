// Files that come with the program: beside an installed binary, or in the source tree.
#pragma once

#include <filesystem>
#include <string>

namespace dcmmm {

/// The folder of that name: PREFIX/share/dcmmm/NAME of an installed binary, or the source tree's.
std::filesystem::path built_in(const std::string& name);

/// plotly.min.js, installed or where set-up put its wheel.
std::filesystem::path plotly_js();

}  // namespace dcmmm
