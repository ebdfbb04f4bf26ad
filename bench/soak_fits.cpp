// Fits one after the other in one process, each a whole `dcmmm train`: the memory after each.
// soak_fits FOLDER FITS KEY=VALUE...: prints "fit,seconds,bytes" lines.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "comm/environment.hpp"
#include "launch/built_in.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/schema.hpp"

namespace {

using namespace dcmmm;

int64_t resident_bytes() {
  int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

void fit(const Environment& environment, Communicator& world, const std::vector<std::string>& words) {
  ComposeOptions options;
  options.search_dirs = {built_in("configs")};
  options.overrides = words;
  Value config = compose(options);
  check_config(config);
  CommandContext context{environment, world, std::move(config), words, options.search_dirs};
  train_command(context);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "soak_fits FOLDER FITS KEY=VALUE...\n";
    return 2;
  }
  const std::filesystem::path run = std::filesystem::path(argv[1]) / "run";
  const int fits = std::stoi(argv[2]);
  std::vector<std::string> words(argv + 3, argv + argc);
  words.push_back("run.dir=" + run.string());
  std::ostream out(std::cout.rdbuf());
  std::cout.rdbuf(nullptr);  // the runs' tables
  const auto begin = std::chrono::steady_clock::now();
  const Environment environment;
  const auto world = environment.world();
  for (int i = 1; i <= fits; ++i) {
    // By turns the two estimators.
    std::vector<std::string> these = words;
    these.push_back(i % 2 == 0 ? "model.estimator=likelihood" : "model.estimator=descent");
    fit(environment, *world, these);
    std::filesystem::remove_all(run);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    out << i << "," << seconds << "," << resident_bytes() << std::endl;
  }
  std::cout.rdbuf(out.rdbuf());
  return 0;
}
