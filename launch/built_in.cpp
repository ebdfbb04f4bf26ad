#include "launch/built_in.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Empty for a binary that isn't installed.
fs::path installed() {
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  const fs::path folder = binary.parent_path().parent_path() / "share/dcmmm";
  return !failed && fs::exists(folder / "configs/config.yaml") ? folder : fs::path();
}

}  // namespace

fs::path built_in(const std::string& name) {
  const fs::path folder = installed();
  return (folder.empty() ? fs::path(DCMMM_SOURCE_DIR) : folder) / name;
}

fs::path plotly_js() {
  const fs::path folder = installed();
  return folder.empty() ? fs::path(DCMMM_PLOTLY) : folder / "plotly.min.js";
}

}  // namespace dcmmm
