#include "comm/communicator.hpp"

#include <gmock/gmock.h>

#include "comm/device_communicator.hpp"
#include "common/errors.hpp"

namespace dcmmm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LocalCommunicator, IsAGroupOfOne) {
  const auto local = make_local_communicator();
  EXPECT_EQ(local->rank(), 0);
  EXPECT_EQ(local->size(), 1);
  EXPECT_EQ(local->mpi_handle(), nullptr);
  EXPECT_EQ(local->split(7)->size(), 1);
  local->barrier();
}

TEST(LocalCommunicator, LeavesEveryValueAsItIs) {
  const auto local = make_local_communicator();
  std::vector<double> doubles = {1.5, -2};
  std::vector<int64_t> integers = {int64_t{1} << 40};
  std::string word = "north";
  local->all_reduce_sum(doubles);
  local->all_reduce_max(doubles);
  local->all_reduce_sum(integers);
  local->broadcast(word);
  EXPECT_THAT(doubles, ElementsAre(1.5, -2));
  EXPECT_THAT(integers, ElementsAre(int64_t{1} << 40));
  EXPECT_EQ(word, "north");
  EXPECT_THAT(local->all_gather(doubles), ElementsAre(1.5, -2));
  EXPECT_THAT(local->all_gather({}), IsEmpty());
}

TEST(DeviceCommunicator, ABinaryWithoutCudaSaysWhatToUse) {
  const auto local = make_local_communicator();
  EXPECT_THAT([&] { make_device_communicator(*local); },
              ::testing::ThrowsMessage<UserError>(::testing::HasSubstr("trainer.device=cpu")));
}

}  // namespace
}  // namespace dcmmm
