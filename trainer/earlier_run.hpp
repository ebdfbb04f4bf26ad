// An earlier run as the start of another one on more weeks (run.init): what its checkpoint says about this rank's
// regions. Shapes: R regions of this rank, T weeks, C channels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoints/checkpoint_file.hpp"
#include "trainer/checkpoint_tensors.hpp"
#include "trainer/fit.hpp"

namespace dcmmm {

struct EarlierRun {
  Checkpoint checkpoint;       // by region: a run of rows that holds all of this rank's regions that it knows
  std::vector<int64_t> row_R;  // of each of this rank's regions in there; -1: the region is new
  int64_t weeks = 0;           // of the earlier panel
  int64_t origin = 0;          // of which it was trained on the first
  int64_t new_regions = 0;     // over all ranks
  double size_offset = 0;      // ModelOptions::size_offset

  bool is_likelihood() const { return has_array(checkpoint, "likelihood.components"); }
};

/// Reads what concerns this rank's regions. Throws UserError where the panel doesn't continue the earlier one: other
/// channels or controls, another first week or distance between weeks, or a holdout (from `origin` on) that the earlier
/// run was trained on.
EarlierRun read_earlier_run(const std::filesystem::path& checkpoint, const Panel& panel, int64_t origin);

/// Puts a prepared fit where the earlier descent ended: parameters, with new regions at the shared ones, and Huber's
/// weights that follow from them. A member starts from the earlier one of its place, or from the first. Throws
/// UserError when the earlier run is of another model. Collective.
void start_from(const EarlierRun& earlier, Fit& fit);

/// The same for the likelihood: components, curves, shares, scales and weights of the earlier run's first member.
/// Throws UserError when it was estimated by descent.
LikelihoodStart likelihood_start(const EarlierRun& earlier, int64_t weeks);

/// For people: "109 weeks, trained on the first 105; 4 more weeks now, 1 new region".
std::string describe(const EarlierRun& earlier, const Panel& panel);

}  // namespace dcmmm
