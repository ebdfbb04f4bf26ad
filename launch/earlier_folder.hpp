// The folder that a run starts from (run.init).
#pragma once

#include <memory>
#include <optional>

#include "analysis/channel_moves.hpp"
#include "comm/mesh.hpp"
#include "launch/commands.hpp"
#include "launch/run_folder.hpp"
#include "trainer/earlier_run.hpp"

namespace dcmmm {

/// The run that this one starts from (run.init): its folder, and its results as they were when this one began.
struct Earlier {
  RunFolder folder;
  ChannelTotals channels;  // on rank 0
};

/// Opens the folder of run.init and takes over its settings; empty without run.init. Throws UserError where its run
/// isn't finished. Collective.
std::optional<Earlier> open_earlier(CommandContext& context);

/// What its checkpoint says about this rank's regions. Collective.
std::shared_ptr<const EarlierRun> read_earlier(const Earlier& earlier, const Panel& panel, int64_t origin,
                                               const Mesh& mesh);

}  // namespace dcmmm
