// Fails on the ranks given as arguments ("all", or rank numbers) with exit code 2; the other ranks wait for them.
#include <algorithm>
#include <string>
#include <vector>

#include "comm/environment.hpp"

int main(int count, char** arguments) {
  const dcmmm::Environment environment;
  const auto world = environment.world();
  const std::vector<std::string> failing(arguments + 1, arguments + count);
  const auto fails = [&](const std::string& who) {
    return std::find(failing.begin(), failing.end(), who) != failing.end();
  };
  if (fails("all") || fails(std::to_string(environment.rank()))) {
    return dcmmm::end_with_error(environment, 2, "The value -1 is wrong: give a positive one.");
  }
  world->barrier();
  return 0;
}
