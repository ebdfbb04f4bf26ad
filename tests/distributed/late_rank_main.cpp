// late_rank RANK [half]: this rank of the job never comes to a broadcast that the others go on from to a barrier;
// "half": only the half of the ranks that it belongs to goes there. The others end the job.
#include <unistd.h>

#include <memory>
#include <string>

#include "comm/environment.hpp"
#include "comm/watchdog.hpp"

int main(int count, char** arguments) {
  const dcmmm::Environment environment;
  const auto world = environment.world();
  const int late = std::stoi(arguments[1]);
  const auto is_upper = [&](int rank) { return count > 2 && rank >= environment.size() / 2; };
  const auto group = world->split(is_upper(environment.rank()) ? 1 : 0);
  world->barrier();  // the start takes as long as it takes
  dcmmm::set_wait_limit(3);
  dcmmm::set_activity("step 57");
  if (environment.rank() == late || is_upper(environment.rank()) != is_upper(late))
    for (;;) pause();
  std::string word = "north";
  group->broadcast(word);
  group->barrier();
  return 0;
}
