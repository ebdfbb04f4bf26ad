#include "comm/median.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/random.hpp"

namespace dcmmm {
namespace {

// Shown in parts of unlike lengths, of which some are empty.
double median_of(const std::vector<double>& values) {
  const auto alone = make_local_communicator();
  const auto each = [&](const ValueVisitor& visit) {
    for (size_t first = 0, length = 0; first < values.size(); first += length, ++length)
      visit(std::span(values).subspan(first, std::min(length, values.size() - first)));
  };
  return global_median_magnitude(each, *alone);
}

TEST(GlobalMedian, IsTheMiddleOfTheSortedMagnitudes) {
  RandomStream random(3, 0);
  for (const size_t count : {1, 2, 3, 10, 1001, 5000}) {
    std::vector<double> values, sorted;
    for (size_t i = 0; i < count; ++i) values.push_back(random.normal() * std::pow(10.0, 8 * random.normal()));
    for (const double value : values) sorted.push_back(std::abs(value));
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(median_of(values), sorted[(count - 1) / 2]) << count;
  }
}

TEST(GlobalMedian, OfNothingIsZeroAndWhatIsNotFiniteIsLarge) {
  EXPECT_EQ(median_of({}), 0);
  EXPECT_EQ(median_of({0, 0, -3}), 0);
  constexpr double kInfinite = std::numeric_limits<double>::infinity(),
                   kNone = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(median_of({kNone, -2, 1, -kInfinite, 2}), 2);
}

}  // namespace
}  // namespace dcmmm
