// What a user should know about a panel before believing a fit to it.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "data/panel.hpp"
#include "likelihood/gate.hpp"
#include "model/options.hpp"

namespace dcmmm {

/// Channels that don't vary, or move with the others; targets at or below zero; fewer training weeks than a year; a
/// holdout shorter than the carry-over. `panel`: this rank's regions, `origin`: training weeks. Collective; the same
/// lines on every rank.
std::vector<std::string> panel_warnings(const Panel& panel, const std::vector<ChannelIdentification>& channels,
                                        const ModelOptions& model, int64_t origin, Communicator& communicator);

}  // namespace dcmmm
