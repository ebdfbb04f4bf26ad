// The run folder's results.h5 (docs/file-formats.md): predictions, their components and the fitted curves, with named
// dimensions region, week, channel, control. Written once by all ranks, read by region blocks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "analysis/results.hpp"
#include "comm/communicator.hpp"
#include "data/panel.hpp"

namespace dcmmm {

/// Version of the layout; a file of another one is refused with UserError.
inline constexpr int64_t kResultsFormatVersion = 2;

/// Writes results.h5, block by block, so memory is set by the block. Every method is collective, but ranks may bring
/// different numbers of blocks (also none): whoever has reached finish() takes part in the others' rounds with nothing
/// in hand. The file appears under its name at finish() (temp, fsync, rename) or not at all. Errors are thrown alike on
/// every rank.
class ResultsWriter {
 public:
  /// `coordinates` and `shared` must be the same on every rank; the communicator must outlive the writer.
  ResultsWriter(const std::filesystem::path& path, const PanelCoordinates& coordinates, const SharedResults& shared,
                Communicator& communicator);
  ~ResultsWriter();
  ResultsWriter(const ResultsWriter&) = delete;
  ResultsWriter& operator=(const ResultsWriter&) = delete;

  /// REQUIRES: each region comes once, on one rank; vectors have the lengths that the block's shapes say.
  void append(const ResultBlock& block);
  /// REQUIRES: every region of the coordinates was appended by some rank.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Names along the axes of a results file.
struct ResultsCoordinates {
  std::vector<std::string> regions, weeks, channels, controls;
};

/// A results file open for reading. Throws UserError when missing or of another version, DamagedFileError when
/// truncated or altered.
class ResultsReader {
 public:
  explicit ResultsReader(const std::filesystem::path& path);
  ~ResultsReader();
  const ResultsCoordinates& coordinates() const;
  const SharedResults& shared() const;
  /// One array of `count` regions from `first` on, all further axes whole: predicted, baseline, trend, seasonality,
  /// lower, upper (region, week); control_contribution (region, week, control); media_contribution, coefficient
  /// (region, week, channel); target_scale, scale_factor, baseline_level, noise_scale, sample_scale (region);
  /// media_scale (region, channel).
  std::vector<double> read_array(const std::string& name, int64_t first, int64_t count) const;
  /// All of these.
  ResultBlock read(int64_t first, int64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dcmmm
