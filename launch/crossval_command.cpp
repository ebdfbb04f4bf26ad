// crossval: the model fitted anew at each rolling origin, beside other bundles and the naive forecasts.
// Shapes: R regions, N forecast weeks of an origin, M methods.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "analysis/crossval_report.hpp"
#include "comm/collective_guard.hpp"
#include "comm/mesh.hpp"
#include "comm/threads.hpp"
#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"
#include "data/panel_file.hpp"
#include "launch/commands.hpp"
#include "launch/configuration.hpp"
#include "launch/folder_mark.hpp"
#include "launch/logging.hpp"
#include "launch/origin_evaluation.hpp"
#include "launch/origin_store.hpp"
#include "launch/panel_source.hpp"
#include "launch/run_folder.hpp"
#include "launch/schema.hpp"
#include "launch/settings.hpp"
#include "launch/yaml_text.hpp"
#include "trainer/threads.hpp"
#include "trainer/train_together.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// The command's settings with another file of the group `model`, as that file is: words on the model stay out.
Bundle bundle_beside(const CommandContext& context, const std::string& name) {
  ComposeOptions options;
  options.search_dirs = context.config_dirs;
  for (const std::string& word : context.overrides) {
    const std::string key = word.substr(std::min(word.find_first_not_of("+~"), word.size()));
    if (key.rfind("model=", 0) != 0 && key.rfind("model.", 0) != 0) options.overrides.push_back(word);
  }
  options.overrides.push_back(text("model=", name));
  Value config = compose(options);
  check_config(config);
  return bundle_of(config, options.overrides);
}

// Trains fits of one bundle at several origins: side by side in the member axis where they have the same parameters
// (each has chosen its own settings). Collective over the mesh's row.
void train_side_by_side(std::span<const OriginWeeks> weeks, const std::vector<Estimate>& estimates) {
  std::vector<bool> is_trained(estimates.size());
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    Fit& first = *estimates[i].fit;
    if (is_trained[i]) continue;
    std::vector<Fit*> fits = {&first};
    std::vector<std::string> origins = {text(weeks[i].origin)};
    for (std::size_t k = i + 1; k < estimates.size(); ++k) {
      Fit& fit = *estimates[k].fit;
      if (is_trained[k] || first.likelihood || fit.likelihood || !may_go_together(first, fit)) continue;
      is_trained[k] = true;
      fits.push_back(&fit);
      origins.push_back(text(weeks[k].origin));
    }
    if (fits.size() == 1) {
      TrainerCallbacks callbacks;
      callbacks.log = log_info;
      train(first, callbacks);
      continue;
    }
    log_info(text("Origins ", join(origins), " are trained side by side."));
    const std::vector<std::string> problems = train_together(
        fits, [] { return false; },
        [&](std::size_t k, const std::string& line) { log_info(text("Origin ", origins[k], ": ", line)); });
    for (std::size_t k = 0; k < problems.size(); ++k)
      if (!problems[k].empty()) throw NumericalError(text("At origin ", origins[k], ": ", problems[k]));
  }
}

// Fits every bundle on the weeks before each of the origins and gathers what they forecast. Collective over the mesh's
// row.
std::vector<OriginForecasts> evaluate(std::span<const OriginWeeks> group, const std::vector<Bundle>& bundles,
                                      const Panel& panel, const RegionPlan& plan, double interval,
                                      Communicator& communicator) {
  std::deque<OriginEvaluation> origins;
  for (const OriginWeeks& weeks : group)
    origins.emplace_back(panel, weeks, bundles.size(), plan, interval, communicator);
  const std::string step = steps_name(panel.coordinates.step);
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    std::vector<Estimate> estimates;
    for (std::size_t o = 0; o < group.size(); ++o) {
      const OriginWeeks& weeks = group[o];
      log_info(text("Origin ", weeks.origin, i > 0 ? ", " + bundles[i].name : "", ": training on ", step, " ",
                    weeks.first_week, " to ", weeks.origin - 1, ", forecasting ", weeks.first_forecast, " to ",
                    weeks.end - 1));
      estimates.push_back(origins[o].prepare(bundles[i].estimate, log_info));
    }
    train_side_by_side(group, estimates);
    for (std::size_t o = 0; o < group.size(); ++o) origins[o].add(i, *estimates[o].fit);
  }
  std::vector<OriginForecasts> out;
  out.reserve(origins.size());
  for (OriginEvaluation& origin : origins) out.push_back(origin.finish());
  return out;
}

// Every rank gets all origins' forecasts. The rows of the mesh have evaluated different origins; each of their ranks
// knows all regions by now.
std::vector<OriginForecasts> over_rows(const Mesh& mesh, std::vector<OriginForecasts> mine) {
  if (mesh.members == 1) return mine;
  std::vector<double> packed;
  for (const OriginForecasts& forecasts : mine) append_numbers(forecasts, packed);
  const std::vector<double> all = mesh.member_axis->all_gather(packed);
  auto next = all.cbegin();
  std::vector<OriginForecasts> out;
  while (next != all.cend()) out.push_back(take_numbers(next));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.origin < b.origin; });
  return out;
}

// What an earlier start of this evaluation is through with; without `resumes` that is forgotten. Collective.
std::map<int64_t, OriginForecasts> kept_origins(const OriginStore& store, bool resumes, Communicator& world) {
  std::string bytes;
  on_rank_zero(world, [&] {
    if (!resumes) return store.clear();
    std::vector<double> numbers;
    for (const auto& [origin, forecasts] : store.kept()) append_numbers(forecasts, numbers);
    bytes.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  });
  world.broadcast(bytes);
  std::vector<double> numbers(bytes.size() / sizeof(double));
  if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  std::map<int64_t, OriginForecasts> out;
  for (auto next = numbers.cbegin(); next != numbers.cend();) {
    OriginForecasts forecasts = take_numbers(next);
    out[forecasts.origin] = std::move(forecasts);
  }
  return out;
}

}  // namespace

int crossval_command(CommandContext& context) {
  const auto begin = std::chrono::steady_clock::now();
  Communicator& world = context.world;
  const Value& config = context.config;
  if (get<std::optional<std::string>>(config, "run.init"))
    throw UserError("crossval fits every origin anew: leave run.init out.");
  const bool resume = get<bool>(config, "run.resume");
  const CrossvalOptions options = crossval_options(config);
  std::vector<Bundle> bundles = {bundle_of(config, context.overrides)};
  CrossvalFacts facts;
  facts.model = bundles[0].name;
  for (const std::string& name : get<std::vector<std::string>>(config, "crossval.beside")) {
    if (name == facts.model) continue;
    bundles.push_back(bundle_beside(context, name));
    facts.beside.push_back(name);
  }
  const Mesh mesh = make_mesh(world, get<int>(config, "mesh.members"), get<int>(config, "mesh.regions"));
  RunFolder folder = open_run_folder(run_folder_options(config), "crossval", world);
  if (folder.is_finished) {
    log_info(text("The evaluation in ", folder.path.string(), " is finished: nothing to do."));
    return 0;
  }
  bool is_kept = false;
  const auto keep_config = [&] {
    if (std::exchange(is_kept, true)) return;
    on_rank_zero(world, [&] {
      // In this order: it can be resumed once its config is there, and then its words must be.
      write_words(folder.path, "crossval", context.overrides, context.own_config_dir());
      write_text_file(folder.config(), to_yaml(config));
    });
  };
  if (!resume) keep_config();
  on_rank_zero(world, [&] { log_to_file(folder.path / "train.log"); });

  const fs::path panel_path = locate_panel(config, folder.panel(), resume, world);
  std::unique_ptr<PanelFile> file;
  agree(world, [&] { file = std::make_unique<PanelFile>(panel_path); });
  const PanelCoordinates& names = file->coordinates();
  const std::vector<OriginWeeks> origins = rolling_origins(options, static_cast<int64_t>(names.weeks.size()));
  const TrainerOptions& trainer = bundles[0].estimate.trainer;
  use_threads(trainer.threads > 0 ? trainer.threads : threads_for_this_rank(context.environment));
  const auto together = static_cast<std::size_t>(get<int64_t>(config, "crossval.together"));
  const auto at_once = static_cast<int64_t>(std::min(together, origins.size()));
  const int ranks_here = context.environment.machine()->size();
  const RegionPlan plan = plan_fit(trainer, bundles[0].estimate.model, names, file->observed_cells(),
                                   at_once * (static_cast<int64_t>(bundles[0].estimate.members.size()) + 1),
                                   mesh.column, mesh.regions, ranks_here);
  Panel panel;
  agree(world, [&] {
    panel = read_regions(*file, panel_path, plan.first_region, plan.regions, memory_of_rank(trainer, ranks_here),
                         folder.home());
  });

  const auto experiments =
      locate_experiments(config, {}, false, names, static_cast<int64_t>(names.weeks.size()), world);
  for (Bundle& bundle : bundles) {
    bundle.estimate.likelihood.experiments = experiments;
    bundle.estimate.trainer.local_rank = context.environment.local_rank();
  }

  facts.interval = get<double>(config, "export.interval");
  const auto so_far = [&] { return folder.path / "crossval_so_far.json"; };
  const auto store = [&] { return OriginStore(folder.path / "origins", config, file->checksum()); };
  const std::map<int64_t, OriginForecasts> kept = kept_origins(store(), resume && mesh.members == 1, world);
  std::vector<OriginForecasts> forecasts;
  std::vector<OriginWeeks> mine;
  // Not before the first fits, which check their options with the panel, too: what is refused leaves all as it was.
  const auto settle = [&] {
    replace_earlier_run(folder, world);
    keep_config();
  };
  for (std::size_t place = 0; place < origins.size(); ++place) {
    const OriginWeeks& weeks = origins[place];
    if (const auto before = kept.find(weeks.origin); before != kept.end()) {
      log_info(text("Origin ", weeks.origin, " was evaluated before."));
      forecasts.push_back(before->second);
    } else if (static_cast<int>(place % static_cast<std::size_t>(mesh.members)) == mesh.row) {
      mine.push_back(weeks);
    }
  }
  for (std::size_t first = 0; first < mine.size(); first += together) {
    const auto group = std::span(mine).subspan(first, std::min(together, mine.size() - first));
    const std::size_t before = forecasts.size();
    for (OriginForecasts& of_origin : evaluate(group, bundles, panel, plan, facts.interval, *mesh.region_axis))
      forecasts.push_back(std::move(of_origin));
    // For who goes on here after a stop, and for a sweep, which looks whether it is worth going on.
    if (mesh.members == 1 && first + group.size() < mine.size()) {
      settle();
      on_rank_zero(world, [&] {
        for (std::size_t i = before; i < forecasts.size(); ++i) store().keep(forecasts[i]);
        write_text_file(so_far(), crossval_json(forecasts, facts));
      });
    }
  }
  std::sort(forecasts.begin(), forecasts.end(), [](const auto& a, const auto& b) { return a.origin < b.origin; });
  forecasts = over_rows(mesh, std::move(forecasts));
  settle();

  facts.horizon = options.horizon;
  facts.gap = options.gap;
  facts.window = options.window;
  facts.ranks = world.size();
  facts.version = DCMMM_VERSION;
  facts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  on_rank_zero(world, [&] {
    const fs::path csv_path = folder.path / "crossval.csv";
    replace_file(csv_path, [&](const fs::path& temporary) {
      CsvWriter csv(temporary, csv_path.string());
      write_crossval_csv(csv, forecasts, names.regions, names.weeks);
      csv.finish();
    });
    write_text_file(folder.path / "crossval.json", crossval_json(forecasts, facts));
    fs::remove(so_far());
    store().clear();
    std::cout << crossval_table(forecasts, facts) << std::flush;
    log_info(text("Evaluated ", counted(std::ssize(origins), "origins"), " in ", std::round(facts.seconds * 10) / 10,
                  " s; run folder: ", folder.path.string()));
  });
  return 0;
}

}  // namespace dcmmm
