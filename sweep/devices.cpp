#include "sweep/devices.hpp"

#include <unistd.h>

#include <sstream>

namespace dcmmm {
namespace fs = std::filesystem;

std::vector<std::string> visible_devices(const char* list, const fs::path& folder) {
  std::vector<std::string> out;
  if (list != nullptr) {
    std::istringstream entries(list);
    for (std::string entry; std::getline(entries, entry, ',');) {
      const size_t first = entry.find_first_not_of(' ');
      if (first == entry.npos || entry[first] == '-') break;
      out.push_back(entry.substr(first, entry.find_last_not_of(' ') - first + 1));
    }
    return out;
  }
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error)) {
    const std::string name = file.path().filename().string();
    // Others than nvidia0, nvidia1, ... control the driver.
    const bool is_gpu =
        name.starts_with("nvidia") && name.size() > 6 && name.find_first_not_of("0123456789", 6) == name.npos;
    // CUDA numbers those that it may open from 0 on, whatever their files are called.
    if (is_gpu && ::access(file.path().c_str(), R_OK | W_OK) == 0) out.push_back(std::to_string(out.size()));
  }
  return out;
}

std::string device_of_slot(const std::vector<std::string>& devices, int64_t slot) {
  return devices.size() < 2 ? "" : devices[static_cast<size_t>(slot) % devices.size()];
}

}  // namespace dcmmm
