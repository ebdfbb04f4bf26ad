#include "likelihood/components.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dcmmm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Components, SaysThePowersOfSizeWithTheirSigns) {
  Components components = initial_components(false, false, false);
  components[Component::kNoiseSize] = -0.2;
  components[Component::kLevelSize] = 0.5;
  EXPECT_THAT(describe(components),
              AllOf(HasSubstr("% (size^0.1), level"), HasSubstr("(size^-0.25)"), Not(HasSubstr("--"))));
  components[Component::kNoiseSize] = 0;
  EXPECT_THAT(describe(components), HasSubstr("(size^0)"));
}

}  // namespace
}  // namespace dcmmm
