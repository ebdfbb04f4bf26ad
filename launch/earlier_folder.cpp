#include "launch/earlier_folder.hpp"

#include "checkpoints/checkpoint_store.hpp"
#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"
#include "launch/logging.hpp"
#include "launch/settings.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

std::optional<Earlier> open_earlier(CommandContext& context) {
  const auto directory = get<std::optional<std::string>>(context.config, "run.init");
  if (!directory) return std::nullopt;
  Earlier out{find_run_folder(*directory, "run.init"), {}};
  if (!out.folder.is_finished)
    throw UserError(text("run.init is '", *directory,
                         "', whose run isn't finished: go on with it first, dcmmm train run.dir=", *directory,
                         " run.resume=true."));
  on_rank_zero(context.world, [&] { out.channels = channel_totals(out.folder.results(), out.folder.metrics()); });
  take_over_settings(read_yaml_file(out.folder.config()), context.overrides, context.config);
  return out;
}

std::shared_ptr<const EarlierRun> read_earlier(const Earlier& earlier, const Panel& panel, int64_t origin,
                                               const Mesh& mesh) {
  const auto read_row = [&](int row) {
    CheckpointStore store(earlier.folder.checkpoints(row), 1, log_warning);
    const auto newest = store.newest(*mesh.region_axis);
    if (!newest) throw UserError(text("'", earlier.folder.path.string(), "' holds no checkpoint to start from."));
    std::shared_ptr<EarlierRun> out;
    agree(*mesh.region_axis, [&] { out = std::make_shared<EarlierRun>(read_earlier_run(*newest, panel, origin)); });
    return out;
  };
  std::shared_ptr<EarlierRun> out = read_row(0);
  // The likelihood's one mode is the first row's; the other rows' members are draws around it. Members of a descent go
  // on from those of their own row, where the earlier run had one.
  if (mesh.row > 0 && !out->is_likelihood() && fs::exists(earlier.folder.checkpoints(mesh.row)))
    out = read_row(mesh.row);
  log_info(text("Starting from the run in ", earlier.folder.path.string(), ": ", describe(*out, panel)));
  return out;
}

}  // namespace dcmmm
