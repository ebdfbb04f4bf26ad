// GoogleTest's main under mpirun. Rank 0 reports; the others speak only when they fail. The first test that fails on
// any rank ends the job: a rank that leaves a test early would leave the others waiting for it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/distributed/world.hpp"

namespace dcmmm::testing {
namespace {

const Environment* the_environment = nullptr;
Communicator* the_world = nullptr;

class EndsJobAtFailure final : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed() || environment().rank() == 0) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", environment().rank(), result.file_name() ? result.file_name() : "?",
                 result.line_number(), result.message());
  }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    if (!test.result()->Failed()) return;
    std::fprintf(stderr, "rank %d: %s.%s failed, which ends the job.\n", environment().rank(), test.test_suite_name(),
                 test.name());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // other ranks may have something to say, too
    environment().abort(1);
  }
};

}  // namespace

const Environment& environment() { return *the_environment; }
Communicator& world() { return *the_world; }

}  // namespace dcmmm::testing

int main(int count, char** arguments) {
  const dcmmm::Environment environment;
  const auto world = environment.world();
  dcmmm::testing::the_environment = &environment;
  dcmmm::testing::the_world = world.get();
  ::testing::InitGoogleTest(&count, arguments);
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (environment.rank() > 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new dcmmm::testing::EndsJobAtFailure);
  const int result = RUN_ALL_TESTS();
  if (result != 0) environment.abort(result);
  return 0;
}
