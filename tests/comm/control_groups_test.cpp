#include "comm/control_groups.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

void write(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

TEST(ControlGroups, TakesTheSmallestLimitFromTheProcesssGroupUp) {
  const TemporaryFolder folder;
  write(folder / "self", "0::/pod/container\n");
  write(folder / "root/pod/cpu.max", "150000 100000\n");
  write(folder / "root/pod/memory.max", "max\n");
  write(folder / "root/pod/container/cpu.max", "max 100000\n");
  write(folder / "root/pod/container/memory.max", "1073741824\n");
  write(folder / "root/memory.max", "9000000000\n");
  const Granted granted = granted_by_control_groups(folder / "root", folder / "self");
  EXPECT_EQ(granted.processors, 1.5);
  EXPECT_EQ(granted.memory, 1073741824);
}

TEST(ControlGroups, ReadsTheOldOnes) {
  const TemporaryFolder folder;
  write(folder / "self", "3:cpu,cpuacct:/host/path\n2:memory:/job\n1:name=systemd:/x\n");
  write(folder / "root/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");  // the container's, whose path is the host's
  write(folder / "root/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write(folder / "root/memory/job/memory.limit_in_bytes", "2147483648\n");
  write(folder / "root/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const Granted granted = granted_by_control_groups(folder / "root", folder / "self");
  EXPECT_EQ(granted.processors, 2);
  EXPECT_EQ(granted.memory, 2147483648);
}

TEST(ControlGroups, LimitsNothingWhereThereAreNone) {
  const TemporaryFolder folder;
  write(folder / "self", "1:cpu:/\nnonsense\n");
  write(folder / "root/cpu/cpu.cfs_quota_us", "-1\n");
  write(folder / "root/cpu/cpu.cfs_period_us", "100000\n");
  for (const char* self : {"self", "none"}) {
    const Granted granted = granted_by_control_groups(folder / "root", folder / self);
    EXPECT_TRUE(std::isinf(granted.processors));
    EXPECT_EQ(granted.memory, std::numeric_limits<int64_t>::max());
  }
}

}  // namespace
}  // namespace dcmmm
