#include "comm/mesh.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

std::string what_fits(int ranks, int64_t most_members) {
  std::vector<std::string> pairs;
  for (int members = 1; members <= std::min<int64_t>(ranks, most_members); ++members) {
    if (ranks % members == 0) pairs.push_back(text(members, " x ", ranks / members));
  }
  return join(pairs);
}

}  // namespace

Mesh make_mesh(Communicator& world, int members, int regions, int64_t most_members) {
  const int ranks = world.size();
  if (members < 0 || regions < 0) {
    throw UserError(text("mesh.members=", members, " and mesh.regions=", regions,
                         ": expected whole numbers from 0 on (0: the rest of the ranks)."));
  }
  const auto the_rest = [ranks](int other) { return ranks % other == 0 ? ranks / other : 0; };
  Mesh mesh;
  mesh.members = members > 0 ? members : regions > 0 ? the_rest(regions) : 1;
  mesh.regions = regions > 0 ? regions : the_rest(std::max(1, mesh.members));
  if (int64_t{mesh.members} * mesh.regions != ranks) {
    throw UserError(text("mesh.members=", members, " mesh.regions=", regions, " doesn't fit ", ranks,
                         ranks == 1 ? " rank" : " ranks",
                         ": members x regions must be the number of ranks. What fits: ", what_fits(ranks, most_members),
                         "; or say mesh.regions=0 for the rest, or start another number of ranks (mpirun -n)."));
  }
  mesh.row = world.rank() / mesh.regions;
  mesh.column = world.rank() % mesh.regions;
  mesh.region_axis = world.split(mesh.row);
  mesh.member_axis = world.split(mesh.column);
  return mesh;
}

}  // namespace dcmmm
