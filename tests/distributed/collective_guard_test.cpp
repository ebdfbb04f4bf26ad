#include "comm/collective_guard.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "tests/distributed/world.hpp"

namespace dcmmm {
namespace {

using ::testing::StrEq;
using ::testing::ThrowsMessage;
using testing::world;

TEST(CollectiveGuard, RunsOnRankZeroOnlyAndThrowsEverywhere) {
  int runs = 0;
  on_rank_zero(world(), [&] { ++runs; });
  EXPECT_EQ(runs, world().rank() == 0 ? 1 : 0);
  EXPECT_THAT([&] { on_rank_zero(world(), [] { throw DamagedFileError("'a.h5' is cut short."); }); },
              ThrowsMessage<DamagedFileError>(StrEq("'a.h5' is cut short.")));
  world().barrier();  // the ranks are still in step
}

TEST(CollectiveGuard, AllRanksThrowTheErrorOfTheLowestFailingRank) {
  for (int first = 0; first < world().size(); ++first) {
    const auto work = [&] {
      if (world().rank() >= first) throw UserError(text("rank ", world().rank(), " can't read its regions."));
    };
    EXPECT_THAT([&] { agree(world(), work); },
                ThrowsMessage<UserError>(StrEq(text("rank ", first, " can't read its regions."))));
  }
  EXPECT_NO_THROW(agree(world(), [] {}));
}

TEST(CollectiveGuard, OneFailingRankIsEnough) {
  const int last = world().size() - 1;
  const auto work = [&] {
    if (world().rank() == last) throw NumericalError("The loss is not finite.");
  };
  EXPECT_THAT([&] { agree(world(), work); }, ThrowsMessage<NumericalError>(StrEq("The loss is not finite.")));
}

}  // namespace
}  // namespace dcmmm
