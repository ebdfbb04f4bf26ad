// Steps a second, peak memory and time by part of one fit's training step, on a synthetic panel made in memory.
// One case a process, so that the peak memory is that case's own: bench/run.sh runs the usual ones.
#include <sys/resource.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "comm/environment.hpp"
#include "comm/threads.hpp"
#include "common/errors.hpp"
#include "common/large_vector.hpp"
#include "data/panel_file.hpp"
#include "data/synthetic.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/fit.hpp"
#include "trainer/threads.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr int64_t kBurst = 10;  // steps

struct BenchOptions {
  SyntheticOptions panel;
  TrainerOptions trainer;
  ModelOptions model;
  int64_t steps = 20, members = 1;
  std::string precision = "float32", device = "cpu", json, panel_file;
};

// What the step is made of, in the order of the table.
struct Part {
  const char* name;
  double (*seconds)(const StepReport&);
};
constexpr Part kParts[] = {{"forward", [](const StepReport& report) { return report.seconds.forward; }},
                           {"backward", [](const StepReport& report) { return report.seconds.backward; }},
                           {"reduce", [](const StepReport& report) { return report.seconds.reduce; }},
                           {"optimizer", [](const StepReport& report) { return report.seconds.update; }}};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The slowest rank's figure.
double over_ranks(double value, Communicator& world) {
  world.all_reduce_max(std::span<double>(&value, 1));
  return value;
}

// Processor time of all of this process's threads: steadier than the clock on a machine with other work.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

rusage usage_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

double peak_memory(Communicator& world) {
  return over_ranks(static_cast<double>(usage_so_far().ru_maxrss) * 1024.0, world);
}

// Each is a page that the process didn't have before.
double page_faults() { return static_cast<double>(usage_so_far().ru_minflt); }

// This rank's regions of a panel without missing rows.
Panel make_panel(const SyntheticOptions& options, const RegionPlan& plan) {
  Panel mine;
  mine.coordinates = synthetic_coordinates(options);
  mine.first_region = plan.first_region;
  mine.regions = plan.regions;
  // At once: vectors that grow leave holes, which would count as the step's memory.
  const auto cells = static_cast<size_t>(plan.regions * options.weeks);
  mine.target_RT.reserve(cells);
  mine.observed_RT.reserve(cells);
  mine.media_RTC.reserve(cells * static_cast<size_t>(options.channels));
  mine.controls_RTK.reserve(cells * static_cast<size_t>(options.controls));
  generate_panel(options, [&](const Panel& block, const TruthBlock&) {
    const int64_t first = std::max(plan.first_region, block.first_region);
    const int64_t end = std::min(plan.first_region + plan.regions, block.first_region + block.regions);
    if (first >= end) return;
    const auto add = [&](auto& to, const auto& from, int64_t width) {
      to.insert(to.end(), from.begin() + (first - block.first_region) * width,
                from.begin() + (end - block.first_region) * width);
    };
    add(mine.target_RT, block.target_RT, options.weeks);
    add(mine.observed_RT, block.observed_RT, options.weeks);
    add(mine.media_RTC, block.media_RTC, options.weeks * options.channels);
    add(mine.controls_RTK, block.controls_RTK, options.weeks * options.controls);
    add(mine.population_R, block.population_R, 1);
  });
  return mine;
}

nlohmann::json measure(const BenchOptions& options, const Environment& environment, Communicator& world) {
  const int threads = options.trainer.threads > 0 ? options.trainer.threads : threads_for_this_rank(environment);
  use_threads(threads);
  const ModelOptions& model = options.model;
  std::vector<uint64_t> seeds;
  for (int64_t member = 0; member < options.members; ++member) seeds.push_back(static_cast<uint64_t>(member + 1));
  const std::vector<int64_t> cells(static_cast<size_t>(options.panel.regions), options.panel.weeks);
  const int64_t members_run = options.members * (options.trainer.validation_weeks > 0 ? 2 : 1);  // with their shadows
  const RegionPlan plan = plan_fit(options.trainer, model, synthetic_coordinates(options.panel), cells, members_run,
                                   world.rank(), world.size(), environment.machine()->size());
  // As `dcmmm train` does with a panel that is large for its rank.
  if (!options.panel_file.empty() && is_large(synthetic_coordinates(options.panel), plan.regions,
                                              memory_of_rank(options.trainer, environment.machine()->size())))
    keep_large_arrays_in(std::filesystem::path(options.panel_file).parent_path());
  const Panel panel = options.panel_file.empty()
                          ? make_panel(options.panel, plan)
                          : PanelFile::read_in_blocks(options.panel_file, plan.first_region, plan.regions);

  const auto preparation = Clock::now();
  const std::unique_ptr<Fit> fit =
      prepare_fit(panel, model, options.trainer, options.panel.weeks - 8, seeds, plan, world);
  const double preparation_seconds = over_ranks(seconds_since(preparation), world);
  const double memory_before = peak_memory(world);

  std::vector<double> step_seconds, step_processor_seconds, step_page_faults;
  std::vector<StepReport> reports;
  const auto device = make_device_descent({fit->model, fit->data, fit->anchor, fit->options, fit->loop}, nullptr);
  for (int64_t step = -1; step < options.steps; ++step) {  // the first one warms up
    world.barrier();
    const auto start = Clock::now();
    const double processor_start = processor_seconds(), faults_start = page_faults();
    // On a GPU a burst, as between validations, with what passes between it and the host.
    const double taken = device ? kBurst : 1;
    StepReport report = device ? device->run(fit->state, kBurst, 0).back()
                               : train_step(fit->model, fit->data, fit->anchor, fit->options, fit->loop, fit->state);
    const double processor = over_ranks(processor_seconds() - processor_start, world) / taken;
    const double seconds = over_ranks(seconds_since(start), world) / taken;
    const double faults = over_ranks(page_faults() - faults_start, world) / taken;
    if (step < 0) continue;
    step_seconds.push_back(seconds);
    step_processor_seconds.push_back(processor);
    step_page_faults.push_back(faults);
    reports.push_back(std::move(report));
  }

  const double step = median(step_seconds);
  nlohmann::json result = {{"regions", options.panel.regions},
                           {"weeks", options.panel.weeks},
                           {"channels", options.panel.channels},
                           {"controls", options.panel.controls},
                           {"hidden", model.gru ? model.hidden : 0},
                           {"members", options.members},
                           {"members_with_shadows", members_run},
                           {"precision", options.precision},
                           {"device", device ? device->device_name() : "cpu"},
                           {"ranks", world.size()},
                           {"threads", threads},
                           {"region_chunk", plan.rows},
                           {"steps", options.steps},
                           {"steps_per_second", 1.0 / step},
                           {"step_seconds_median", step},
                           {"step_seconds_fastest", *std::min_element(step_seconds.begin(), step_seconds.end())},
                           {"step_processor_seconds_median", median(step_processor_seconds)},
                           {"page_faults_median", median(step_page_faults)},
                           {"reduced_bytes", 8 * members_run * (fit->model.layout().shared_count() + 4)},
                           {"preparation_seconds", preparation_seconds},
                           {"peak_memory_bytes", peak_memory(world)},
                           {"peak_memory_before_steps_bytes", memory_before},
                           {"loss", reports.back().loss_E[0]}};
  for (const Part& part : kParts) {
    std::vector<double> seconds;
    for (const StepReport& report : reports) seconds.push_back(part.seconds(report));
    result["part_seconds"][part.name] = over_ranks(median(seconds), world);
  }
  return result;
}

void print(const nlohmann::json& result) {
  const auto number = [&](const char* key) { return result[key].get<double>(); };
  std::printf("%s: %d regions x %d weeks, %d member(s)%s, %s, %d rank(s) x %d thread(s), %d regions at once\n",
              result["device"].get<std::string>().c_str(), result["regions"].get<int>(), result["weeks"].get<int>(),
              result["members"].get<int>(), result["members"] == result["members_with_shadows"] ? "" : " with shadows",
              result["precision"].get<std::string>().c_str(), result["ranks"].get<int>(), result["threads"].get<int>(),
              result["region_chunk"].get<int>());
  std::printf("  %-12s %10.3f steps/s (median of %d; fastest %.3f)\n", "speed", number("steps_per_second"),
              result["steps"].get<int>(), 1.0 / number("step_seconds_fastest"));
  std::printf("  %-12s %10.0f MiB a rank (%.0f before the steps); a step: %.0f page faults\n", "peak memory",
              number("peak_memory_bytes") / (1 << 20), number("peak_memory_before_steps_bytes") / (1 << 20),
              number("page_faults_median"));
  std::printf("  %-12s %10.1f ms (processor time of a rank: %.1f ms)\n", "step", 1e3 * number("step_seconds_median"),
              1e3 * number("step_processor_seconds_median"));
  for (const Part& part : kParts) {
    const double seconds = result["part_seconds"][part.name].get<double>();
    std::printf("    %-10s %10.1f ms %5.1f %%\n", part.name, 1e3 * seconds,
                100 * seconds / number("step_seconds_median"));
  }
}

int run(int argc, char** argv, const Environment& environment) {
  BenchOptions options;
  CLI::App app("Measures the training step on a synthetic panel. Parts are the slowest rank's medians.", "train_step");
  app.add_option("--regions", options.panel.regions, "Regions of the panel")->check(CLI::Range(1, 1'000'000));
  app.add_option("--weeks", options.panel.weeks, "Weeks of the panel, 8 of them held out")
      ->check(CLI::Range(20, 100'000));
  app.add_option("--channels", options.panel.channels, "Media channels")->check(CLI::Range(1, 1'000'000));
  app.add_option("--controls", options.panel.controls, "Controls")->check(CLI::Range(0, 1'000'000));
  int64_t hidden = options.model.hidden;
  app.add_option("--hidden", hidden, "Size of the GRU's state; 0: without a GRU")->check(CLI::Range(0, 100'000));
  app.add_option("--validation-weeks", options.trainer.validation_weeks, "Of the members' shadows; 0: no shadows")
      ->check(CLI::Range(0, 100));
  app.add_option("--members", options.members, "Ensemble members, each with its shadow")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option(
      "--panel-file", options.panel_file,
      "A file of `dcmmm synth` with the sizes above, whose media are read block by block; else made in memory");
  app.add_option("--steps", options.steps, "Steps to measure, after one to warm up")->check(CLI::Range(1, 1'000'000));
  app.add_option("--threads", options.trainer.threads, "Threads of a rank; 0: from its share of the cores")
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--region-chunk", options.trainer.region_chunk, "Regions computed at once; 0: as the trainer does")
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--precision", options.precision, "float32, tf32 or float64")
      ->check(CLI::IsMember({"float32", "tf32", "float64"}));
  app.add_option("--device", options.device, "cpu or cuda; with cuda, times are those of bursts of 10 steps")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_flag("--deterministic", options.trainer.deterministic, "As trainer.deterministic=true");
  app.add_option("--json", options.json, "File for the figures");
  app.option_defaults()->always_capture_default();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return environment.rank() == 0 ? app.exit(error) : error.get_exit_code();
  }
  options.model.gru = hidden > 0;
  if (hidden > 0) options.model.hidden = hidden;
  options.trainer.float64 = options.precision == "float64";
  options.trainer.tf32 = options.precision == "tf32";
  options.trainer.device = options.device == "cuda" ? Device::kCuda : Device::kCpu;
  options.trainer.local_rank = environment.local_rank();
  options.trainer.steps = std::max(options.trainer.steps, (options.steps + 1) * kBurst);
  const std::unique_ptr<Communicator> world = environment.world();
  const nlohmann::json result = measure(options, environment, *world);
  if (environment.rank() != 0) return 0;
  print(result);
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    file << result.dump(2) << '\n';
    if (!file.flush()) throw UserError("Cannot write " + options.json + ". Give --json a file in an existing folder.");
  }
  return 0;
}

}  // namespace
}  // namespace dcmmm

int main(int argc, char** argv) {
  dcmmm::Environment environment;
  try {
    return dcmmm::run(argc, argv, environment);
  } catch (const dcmmm::Error& error) {
    return dcmmm::end_with_error(environment, static_cast<int>(error.code()), error.what());
  } catch (const std::exception& error) {
    return dcmmm::end_with_error(environment, 1, error.what());
  }
}
