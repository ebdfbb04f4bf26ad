#include "comm/mesh.hpp"

#include <gmock/gmock.h>

#include "common/errors.hpp"
#include "tests/distributed/world.hpp"

namespace dcmmm {
namespace {

using testing::world;

void expect_axes_agree(int members, int regions) {
  const Mesh mesh = make_mesh(world(), members, regions);
  ASSERT_EQ(mesh.region_axis->size(), mesh.regions);
  ASSERT_EQ(mesh.member_axis->size(), mesh.members);
  EXPECT_EQ(mesh.region_axis->rank(), mesh.column);
  EXPECT_EQ(mesh.member_axis->rank(), mesh.row);
  // Along an axis, exactly the ranks of this row, or column, are summed.
  double row_sum = world().rank(), column_sum = world().rank();
  mesh.region_axis->all_reduce_sum(std::span(&row_sum, 1));
  mesh.member_axis->all_reduce_sum(std::span(&column_sum, 1));
  double expected_row = 0, expected_column = 0;
  for (int column = 0; column < mesh.regions; ++column) expected_row += mesh.row * mesh.regions + column;
  for (int row = 0; row < mesh.members; ++row) expected_column += row * mesh.regions + mesh.column;
  EXPECT_EQ(row_sum, expected_row);
  EXPECT_EQ(column_sum, expected_column);
}

TEST(Mesh, ReducesAlongItsRowsAndColumns) {
  expect_axes_agree(0, 0);
  expect_axes_agree(1, 0);
  expect_axes_agree(0, 1);
}

TEST(Mesh, AllRanksRefuseWhatDoesNotFit) {
  EXPECT_THROW(make_mesh(world(), world().size(), 2), UserError);
  world().barrier();
}

}  // namespace
}  // namespace dcmmm
