// The checkpoints folder of a run: atomic appearance, SHA-256 manifest, the newest k kept, damaged ones passed over.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "checkpoints/checkpoint_file.hpp"

namespace dcmmm {

class CheckpointStore {
 public:
  /// `keep` newest checkpoints stay. `warn` gets one line for each damaged file that is set aside.
  CheckpointStore(std::filesystem::path folder, int keep, std::function<void(const std::string&)> warn);

  /// Collective. Writes step_<step>.h5 through a temporary, adds it to manifest.json (size, SHA-256), drops the oldest.
  void save(const Checkpoint& checkpoint, Communicator& communicator);

  /// Collective. Path of the newest checkpoint whose size and digest match the manifest; damaged ones are renamed to
  /// *.damaged (never deleted) with a warning and the next older one is tried. Empty when the folder holds no
  /// checkpoint at all; DamagedFileError when it holds some and none is valid.
  std::optional<std::filesystem::path> newest(Communicator& communicator);

 private:
  std::filesystem::path folder_;
  int keep_;
  std::function<void(const std::string&)> warn_;
};

}  // namespace dcmmm
