// Seconds of an all-reduce of doubles against its length, over the ranks that mpirun started: what bench/scaling.py
// takes latency and bandwidth from. Prints JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "comm/environment.hpp"
#include "common/errors.hpp"

namespace dcmmm {
namespace {

// The fastest repetition, of the slowest rank: what the message takes when no other work interrupts it.
double seconds_of_length(Communicator& world, int64_t length, int repetitions) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> values(static_cast<size_t>(length), 1.0), seconds;
  for (int i = -2; i < repetitions; ++i) {  // two to warm up
    world.barrier();
    const auto start = Clock::now();
    world.all_reduce_sum(std::span<double>(values));
    double taken = std::chrono::duration<double>(Clock::now() - start).count();
    world.all_reduce_max(std::span<double>(&taken, 1));
    if (i >= 0) seconds.push_back(taken);
  }
  return *std::min_element(seconds.begin(), seconds.end());
}

void run(const Environment& environment) {
  const std::unique_ptr<Communicator> world = environment.world();
  nlohmann::json rows = nlohmann::json::array();
  for (int64_t length = 1; length <= (int64_t{1} << 16); length *= 16)
    rows.push_back({{"bytes", 8 * length}, {"seconds", seconds_of_length(*world, length, 101)}});
  if (environment.rank() == 0) std::puts(nlohmann::json{{"ranks", world->size()}, {"rows", rows}}.dump().c_str());
}

}  // namespace
}  // namespace dcmmm

int main() {
  dcmmm::Environment environment;
  try {
    dcmmm::run(environment);
    return 0;
  } catch (const std::exception& error) {
    return dcmmm::end_with_error(environment, 1, error.what());
  }
}
