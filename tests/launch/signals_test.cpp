#include "launch/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace dcmmm {
namespace {

TEST(Signals, AskForACheckpointOnce) {
  install_signal_handlers();
  EXPECT_FALSE(take_checkpoint_request());
  std::raise(SIGUSR1);
  EXPECT_TRUE(take_checkpoint_request());
  EXPECT_FALSE(take_checkpoint_request());
  EXPECT_EQ(stop_signal(), 0);
}

TEST(Signals, AskForTheEnd) {
  install_signal_handlers();
  std::raise(SIGTERM);
  EXPECT_EQ(stop_signal(), SIGTERM);
}

TEST(Signals, ASecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_signal_handlers();
        std::raise(SIGINT);
        if (stop_signal() != SIGINT) std::exit(1);
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace dcmmm
