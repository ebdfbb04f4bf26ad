// One checkpoint: named arrays, some whole on every rank, some cut by region over the ranks (docs/file-formats.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "comm/communicator.hpp"

namespace dcmmm {

inline constexpr int64_t kCheckpointFormatVersion = 1;

/// An array with named dimensions. `shape` is that of the part held here. When one dimension is called "region", this
/// rank holds the regions [first_region, first_region + shape[that axis]) of it; every other array is the same on every
/// rank.
struct NamedArray {
  std::string name;
  std::vector<std::string> dimensions;
  std::vector<int64_t> shape;
  std::variant<std::vector<float>, std::vector<double>, std::vector<int64_t>> values;
};

/// Everything that a fit or a forecast needs to go on. Bits are kept exactly.
struct Checkpoint {
  int64_t step = 0;
  std::string config;  // resolved YAML
  std::string panel_checksum;
  std::map<std::string, std::vector<std::string>>
      labels;  // coordinate labels by dimension: region (all of them), channel, control, ...
  std::map<std::string, std::string> notes;  // further texts by key
  int64_t first_region = 0;                  // this rank's first region
  std::vector<NamedArray> arrays;

  const NamedArray& array(const std::string& name) const;  // throws DamagedFileError that names it when missing
};

/// Writes collectively (each rank its regions) to `path`, without rename: checkpoint_store does that.
/// All ranks throw the same UserError when the disk is full or the folder can't be written.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint, Communicator& communicator);

/// Reads whole arrays, and of arrays by region those in [first_region, first_region + regions). regions < 0: all.
Checkpoint read_checkpoint(const std::filesystem::path& path, int64_t first_region = 0, int64_t regions = -1);

}  // namespace dcmmm
