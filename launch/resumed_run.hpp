// What a resumed run may not change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/run_folder.hpp"
#include "launch/value.hpp"

namespace dcmmm {

/// Throws UserError where `config` has another value than the run's own config.yaml of a key that its fit depends on.
/// Free are those of the machine, the mesh, the checkpoints, the places of its data and, until it is finished, the
/// number of steps. `overrides` are its words, those of the resume last.
void refuse_other_settings(const RunFolder& folder, const Value& config, const std::vector<std::string>& overrides);

/// Throws UserError where a run has done more steps than it is to do.
void refuse_fewer_steps(int64_t done, int64_t steps, const Value& config);

}  // namespace dcmmm
