#include "comm/collective_guard.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

template <class Expected>
void expect_thrown_again(void (*guard)(Communicator&, const std::function<void()>&), const Expected& error) {
  const auto local = make_local_communicator();
  try {
    guard(*local, [&] { throw error; });
    FAIL() << "nothing thrown for: " << error.what();
  } catch (const Expected& caught) {
    EXPECT_STREQ(caught.what(), error.what());
  }
}

TEST(CollectiveGuard, ThrowsTheSameKindOfErrorWithTheSameMessage) {
  for (const auto guard : {on_rank_zero, agree}) {
    expect_thrown_again(guard, UserError("The value -1 is wrong."));
    expect_thrown_again(guard, NumericalError("The loss is not finite."));
    expect_thrown_again(guard, DamagedFileError("'a.h5' is cut short."));
    expect_thrown_again(guard, Error(ExitCode::kStopped, "Stopped."));
    expect_thrown_again(guard, std::runtime_error("MPI_Bcast failed."));
    expect_thrown_again(guard, UserError(""));
    expect_thrown_again(guard, std::bad_alloc());
  }
}

TEST(CollectiveGuard, RunsTheWorkOnce) {
  const auto local = make_local_communicator();
  int runs = 0;
  on_rank_zero(*local, [&] { ++runs; });
  agree(*local, [&] { ++runs; });
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace dcmmm
