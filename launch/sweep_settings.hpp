// What a sweep was asked for: its search, its trials' words, and how they are judged.
#pragma once

#include <string>
#include <vector>

#include "launch/sweep_line.hpp"
#include "launch/sweep_trial.hpp"
#include "launch/sweep_words.hpp"
#include "launch/value.hpp"
#include "sweep/worker.hpp"

namespace dcmmm {

struct Sweep {
  Value config;
  SweepWords words;
  SweepPlan plan;
  SweepObjective objective;
  std::vector<SweepObjective> further;

  std::vector<std::string> objective_names() const {
    std::vector<std::string> out = {objective.name};
    for (const SweepObjective& other : further) out.push_back(other.name);
    return out;
  }
};

/// Figures of a training run by the panel's channels: this and a channel's name.
inline const std::string kChannelFigures = "metrics.contributions.channels.";

/// The study's attribute with --config-dir, where one was given.
inline const std::string kConfigDir = "dcmmm:config_dir";

/// `status`, `resume` and `cancel` compose with the --config-dir that the sweep was started with, unless one is given.
/// Where it isn't there any more, `status` takes the folder's config.yaml; for the others it throws UserError.
SweepLine with_its_config_dir(SweepLine line);

/// The checked configuration of these words. Throws UserError.
Value composed(const SweepLine& line, const std::vector<std::string>& words);

/// Throws UserError where the words contradict each other or search nothing.
Sweep read_sweep(const SweepLine& line);

/// What must be the same for every worker, and for a sweep that goes on.
JournalLine agreed_settings(const Sweep& sweep);

}  // namespace dcmmm
