// What a container, a batch system or systemd grants this process of the machine, by Linux' control groups.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace dcmmm {

/// The smallest limits of the process's group and of those above it.
struct Granted {
  double processors = std::numeric_limits<double>::infinity();  // cores' worth of time, such as 1.5
  int64_t memory = std::numeric_limits<int64_t>::max();         // bytes
};

/// Reads both versions of control groups: cpu.max and memory.max; cpu.cfs_quota_us and memory.limit_in_bytes. What
/// can't be read limits nothing. `root` is where they are mounted, `self` the kernel's list of this process's groups.
Granted granted_by_control_groups(const std::filesystem::path& root = "/sys/fs/cgroup",
                                  const std::filesystem::path& self = "/proc/self/cgroup");

}  // namespace dcmmm
