// The words of `dcmmm sweep`: what it is to do, the config's words, and the search.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

struct SweepWords {
  enum class Action { kStart, kStatus, kResume, kCancel };
  Action action = Action::kStart;
  std::filesystem::path folder;     // of status, resume and cancel
  std::vector<std::string> words;   // to compose the config from
  std::vector<std::string> search;  // key=values, in the grammar of sweep/space.hpp; of a key the last word counts
};

/// Splits the command line: `status`, `resume` or `cancel` first, where it is one of them; `dir=DIR` is short for
/// run.dir=DIR and `launcher=X` for sweep.launcher=X. These three read what the sweep in DIR was started with, before
/// the words given now. Throws UserError when DIR isn't given or holds no sweep.
SweepWords split_sweep_words(const std::vector<std::string>& given);

}  // namespace dcmmm
