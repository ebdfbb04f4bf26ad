// A trial as a process of its own: what goes wrong in it ends it alone.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dcmmm {

/// Runs `words` (the program first, looked for in PATH where it has no slash) with both outputs in the file `output`,
/// without MPI's and PMIx's variables of this process. The child inherits `kept_descriptor` and dies with the thread
/// that started it, however that one ends. When `stop` turns true it gets `stop_signal`, and KILL 20 s later. `device`:
/// its CUDA_VISIBLE_DEVICES, or "" for this process's own. Returns its exit code, 128 + the number of a signal that
/// ended it, -1 when it was stopped, or 127 when there is no such program. Throws UserError when no process can be
/// made.
int run_trial_process(const std::vector<std::string>& words, const std::filesystem::path& output, int kept_descriptor,
                      const std::function<bool()>& stop, int stop_signal, const std::string& device = "");

}  // namespace dcmmm
