// Panel files (HDF5, docs/file-formats.md): written once by region, read by hyperslab.
#pragma once

#include <filesystem>
#include <memory>

#include "data/panel.hpp"

namespace dcmmm {

/// Version of the layout that is written. Version 1, without a seal (data/file_seal.hpp), is read as well; any other is
/// refused with UserError.
inline constexpr int64_t kPanelFormatVersion = 2;

/// Streams regions into a panel file: the coordinates are known from the start, the data comes region block by region
/// block, so memory is set by the block. The file appears under its name at finish() (temp, fsync, rename) or not at
/// all.
class PanelWriter {
 public:
  /// `has_dark`: blocks bring dark_RT.
  PanelWriter(const std::filesystem::path& path, const PanelCoordinates& coordinates, bool has_dark = false);
  ~PanelWriter();
  PanelWriter(const PanelWriter&) = delete;
  PanelWriter& operator=(const PanelWriter&) = delete;
  /// Appends the block's regions; `block.first_region` must be the number of regions written so far.
  void append(const Panel& block);
  /// REQUIRES: every region of the coordinates was appended.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A whole panel, held or in blocks.
void write_panel_file(const std::filesystem::path& path, const Panel& panel);

/// A panel file open for reading. Throws UserError when missing or of another version, DamagedFileError when truncated
/// or altered.
class PanelFile {
 public:
  explicit PanelFile(const std::filesystem::path& path);
  ~PanelFile();
  PanelFile(PanelFile&&) noexcept;
  const PanelCoordinates& coordinates() const;
  /// Observed cells of each region of the panel: what the balance over ranks is computed from.
  const std::vector<int64_t>& observed_cells() const;
  /// Identifies the panel's content: stored when it was written; checkpoints and runs remember it.
  const std::string& checksum() const;
  /// Reads `count` regions from `first` on. Throws DamagedFileError when a chunk's checksum is wrong.
  Panel read(int64_t first, int64_t count) const;
  /// The same without media, controls and spend, which are read from this file when they are asked for.
  static Panel read_in_blocks(const std::filesystem::path& path, int64_t first, int64_t count);

 private:
  Panel read_targets(int64_t first, int64_t count, const PanelCoordinates& names) const;
  Panel read_all(int64_t first, int64_t count, const PanelCoordinates& names) const;
  friend class FileBlocks;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dcmmm
