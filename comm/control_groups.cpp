#include "comm/control_groups.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// "max", which no limit is written as, isn't a number and leaves `value` as it is.
template <class Number>
bool read_number(std::istream& in, Number& value) {
  Number read{};
  if (!(in >> read)) return false;
  value = read;
  return true;
}

void narrow(const fs::path& group, Granted& granted) {
  double quota = -1, period = 0;
  std::ifstream both(group / "cpu.max");
  if (!read_number(both, quota) || !read_number(both, period)) {
    std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
    if (!read_number(quota_file, quota) || !read_number(period_file, period)) quota = -1;
  }
  if (quota > 0 && period > 0) granted.processors = std::min(granted.processors, quota / period);
  for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {
    std::ifstream file(group / name);
    int64_t bytes = 0;
    if (read_number(file, bytes) && bytes > 0) granted.memory = std::min(granted.memory, bytes);
  }
}

}  // namespace

Granted granted_by_control_groups(const fs::path& root, const fs::path& self) {
  Granted granted;
  std::ifstream groups(self);
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/path", or "0::/path" of version 2
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const fs::path mount = root / line.substr(first + 1, second - first - 1);
    // In a container the path may be the host's, and what is mounted is the group itself.
    fs::path group = mount / fs::path(line.substr(second + 1)).relative_path();
    while (group.string().size() > mount.string().size()) {
      narrow(group, granted);
      group = group.parent_path();
    }
    narrow(mount, granted);
  }
  return granted;
}

}  // namespace dcmmm
