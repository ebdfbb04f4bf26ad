// Trials of one process, side by side: evaluations whose fits share the member axis.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/panel.hpp"
#include "launch/sweep_trial.hpp"
#include "sweep/worker.hpp"

namespace dcmmm {

/// What all packs of a process share.
struct PackSetting {
  const SweepPlan& plan;
  const TrialCommand& command;
  std::vector<std::filesystem::path> config_dirs;  // to compose from
  const Panel& panel;                              // the sweep's, all regions
  const std::vector<int64_t>& observed_cells;      // of each region
  std::string panel_checksum;
  int64_t slots = 1;   // trials at once
  int local_rank = 0;  // which GPU they take
};

/// Pulls trials into `slots` places until there are no more or `stop` says so. In each round every trial fits its next
/// origin; those whose settings differ in what a Member holds and the learning rate alone do so in one batch
/// (train_together). Between rounds trials that are finished or pruned make room for new ones. A trial's figures are
/// those of `dcmmm crossval`, to rounding. `tell`: how a trial ended.
void run_pack(const PackSetting& setting, const std::function<bool()>& stop,
              const std::function<void(const TrialTask&, const TrialOutcome&)>& tell);

}  // namespace dcmmm
