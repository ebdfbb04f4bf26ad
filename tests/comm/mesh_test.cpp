#include "comm/mesh.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"

namespace dcmmm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Throws;
using ::testing::ThrowsMessage;

// A world of any size, without ranks behind it: the shape of a mesh needs no more.
class PaperCommunicator final : public Communicator {
 public:
  PaperCommunicator(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_reduce_sum(std::span<double>) override {}
  void all_reduce_sum(std::span<int64_t>) override {}
  void all_reduce_max(std::span<double>) override {}
  std::vector<double> all_gather(std::span<const double>) override { return {}; }
  void broadcast(std::string&, int) override {}
  void barrier() override {}
  std::unique_ptr<Communicator> split(int) override { return make_local_communicator(); }

 private:
  int rank_, size_;
};

Mesh mesh_of(int rank, int size, int members, int regions) {
  PaperCommunicator world(rank, size);
  return make_mesh(world, members, regions);
}

TEST(Mesh, FillsZerosWithTheRestOfTheRanks) {
  struct Case {
    int size, members, regions, expected_members, expected_regions;
  };
  for (const Case& c : {Case{1, 0, 0, 1, 1}, Case{6, 0, 0, 1, 6}, Case{6, 2, 0, 2, 3}, Case{6, 0, 2, 3, 2},
                        Case{6, 6, 0, 6, 1}, Case{6, 3, 2, 3, 2}}) {
    const Mesh mesh = mesh_of(0, c.size, c.members, c.regions);
    EXPECT_EQ(mesh.members, c.expected_members) << c.size << " ranks, " << c.members << " x " << c.regions;
    EXPECT_EQ(mesh.regions, c.expected_regions) << c.size << " ranks, " << c.members << " x " << c.regions;
  }
}

TEST(Mesh, PutsNeighboursIntoOneRow) {
  for (int rank = 0; rank < 6; ++rank) {
    const Mesh mesh = mesh_of(rank, 6, 2, 3);
    EXPECT_EQ(mesh.row, rank < 3 ? 0 : 1);
    EXPECT_EQ(mesh.column, rank % 3);
  }
}

TEST(Mesh, SaysWhatFits) {
  EXPECT_THAT([] { mesh_of(0, 6, 4, 2); },
              ThrowsMessage<UserError>(AllOf(HasSubstr("mesh.members=4 mesh.regions=2 doesn't fit 6 ranks"),
                                             HasSubstr("1 x 6, 2 x 3, 3 x 2, 6 x 1"))));
  EXPECT_THAT([] { mesh_of(0, 1, 0, 2); },
              ThrowsMessage<UserError>(AllOf(HasSubstr("doesn't fit 1 rank:"), HasSubstr("1 x 1"))));
  PaperCommunicator world(0, 6);  // of two members
  EXPECT_THAT([&] { make_mesh(world, 4, 2, 2); },
              ThrowsMessage<UserError>(HasSubstr("What fits: 1 x 6, 2 x 3; or say mesh.regions=0")));
  EXPECT_THAT([] { mesh_of(0, 6, 4, 0); }, Throws<UserError>());
  EXPECT_THAT([] { mesh_of(0, 6, 0, 7); }, Throws<UserError>());
  EXPECT_THAT([] { mesh_of(0, 6, 65536, 65536); }, Throws<UserError>());  // 2^32, which is 0 in 32 bits
  EXPECT_THAT([] { mesh_of(0, 6, -2, 3); },
              ThrowsMessage<UserError>(AllOf(HasSubstr("mesh.members=-2"), Not(HasSubstr("What fits")))));
}

}  // namespace
}  // namespace dcmmm
