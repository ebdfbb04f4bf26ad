// Which GPUs there are, and which one a slot's trials get.
#include "sweep/devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/temporary_folder.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Devices, AreThoseOfTheList) {
  EXPECT_THAT(visible_devices("0,2"), ElementsAre("0", "2"));
  EXPECT_THAT(visible_devices("GPU-8f3a, MIG-17 "), ElementsAre("GPU-8f3a", "MIG-17"));
  EXPECT_THAT(visible_devices("3,-1,2"), ElementsAre("3"));  // as CUDA reads it
  EXPECT_THAT(visible_devices(""), IsEmpty());
  EXPECT_THAT(visible_devices("-1"), IsEmpty());
}

TEST(Devices, AreTheDriversFilesWhereThereIsNoList) {
  const dcmmm::testing::TemporaryFolder folder;
  EXPECT_THAT(visible_devices(nullptr, folder / "none"), IsEmpty());
  for (const char* name : {"nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "nvidia", "null"})
    std::ofstream(folder / name) << "";
  EXPECT_THAT(visible_devices(nullptr, folder / ""), ElementsAre("0", "1"));
}

TEST(Devices, GoRoundAmongTheSlots) {
  EXPECT_EQ(device_of_slot({"2", "5"}, 0), "2");
  EXPECT_EQ(device_of_slot({"2", "5"}, 1), "5");
  EXPECT_EQ(device_of_slot({"2", "5"}, 2), "2");
  EXPECT_EQ(device_of_slot({"2"}, 1), "");
  EXPECT_EQ(device_of_slot({}, 0), "");
}

}  // namespace
}  // namespace dcmmm
