#include "comm/environment.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

TEST(Environment, AloneIsAWorldOfOne) {
  const Environment environment;
  EXPECT_EQ(environment.size(), 1);
  EXPECT_EQ(environment.local_rank(), 0);
  EXPECT_EQ(environment.world()->mpi_handle(), nullptr);
}

TEST(Environment, RefusesSeveralSrunTasksWithoutMpi) {
  setenv("SLURM_STEP_NUM_TASKS", "3", 1);
  setenv("SLURM_PROCID", "0", 1);
  EXPECT_THAT([] { Environment environment; },
              ::testing::ThrowsMessage<UserError>(::testing::HasSubstr("srun --mpi=pmix")));
  setenv("SLURM_STEP_NUM_TASKS", "1", 1);
  EXPECT_NO_THROW(Environment{});
  unsetenv("SLURM_STEP_NUM_TASKS");
  unsetenv("SLURM_PROCID");
}

TEST(Environment, ReturnsTheExitCodeOfASingleProcess) {
  const Environment environment;
  ::testing::internal::CaptureStderr();
  const int code = end_with_error(environment, 4, "'a.h5' is cut short.");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "'a.h5' is cut short.\n");
  EXPECT_EQ(code, 4);
}

}  // namespace
}  // namespace dcmmm
