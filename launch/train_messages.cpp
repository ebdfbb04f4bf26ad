#include "launch/train_messages.hpp"

#include <cmath>

#include "common/counted.hpp"
#include "common/text.hpp"
#include "launch/logging.hpp"

namespace dcmmm {

void say_what_runs(const Fit& fit, const PanelFile& file, const Mesh& mesh, int threads) {
  const PanelCoordinates& names = file.coordinates();
  log_info(text("Panel: ", counted(std::ssize(names.regions), "regions"), " x ",
                counted(std::ssize(names.weeks), steps_name(names.step)), " (", names.weeks.front(), " to ",
                names.weeks.back(), "), ", counted(std::ssize(names.channels), "channels"), ", ",
                counted(std::ssize(names.controls) - names.events(), "controls"), ", ",
                counted(names.events(), "events"), "; training on the first ", fit.data.members[0].origin,
                ", holdout of ", fit.data.weeks - fit.data.members[0].origin));
  log_info(text("Model: ", fit.model.layout().shared_count(), " shared parameters, ", fit.model.layout().local_count(),
                " a region; ", mesh.members, " x ", mesh.regions, " ranks (members x regions), ",
                counted(threads, "threads"), " each, at most ", counted(fit.loop.plan().rows, "regions"),
                " at once on each, ",
                fit.options.float64 ? "float64"
                : fit.options.tf32  ? "float32 (a GPU's products in TF32)"
                                    : "float32",
                fit.options.deterministic ? ", deterministic" : ""));
}

void say_what_is_identified(const std::vector<ChannelIdentification>& channels, const std::vector<std::string>& names) {
  log_info("What the training weeks identify:\n" + identification_table(channels, names));
  for (size_t c = 0; c < channels.size(); ++c)
    if (!channels[c].is_identified() && channels[c].varies)  // else the panel has a warning of its own
      log_warning(text("The effect of channel ", names[c], " isn't identified: ", channels[c].reason,
                       ". Its contribution may be anything within its interval."));
}

void say_what_experiments_did(const std::vector<ExperimentReport>& experiments,
                              const std::vector<std::string>& channels) {
  if (experiments.empty()) return;
  log_info("Experiments (lifts in the target's units):\n" + experiment_table(experiments, channels));
  for (const ExperimentReport& report : experiments)
    if (report.is_doubtful())
      log_warning(text("Experiment '", report.test.name, "' on ", channels[static_cast<size_t>(report.test.channel)],
                       " measured a lift of ", shortest(report.test.lift), ", but the panel alone says ",
                       shortest(std::round(report.panel)), ": ", std::round(10 * std::abs(report.surprise())) / 10,
                       " standard deviations apart (", std::round(10 * std::abs(report.residual())) / 10,
                       " s left after the fit). One of them is wrong: check the table's units, weeks and regions, or "
                       "leave the experiment out."));
}

void say_how_channels_move(const Graph& graph, const std::vector<std::string>& channels) {
  log_info("How spend on channels moves spend on others (->; --: undirected):\n" + graph_table(graph, channels));
}

}  // namespace dcmmm
