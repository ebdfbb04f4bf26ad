// Makes a panel from a table's rows, some regions at a time.
// Shapes: R regions, T weeks, C channels, K controls, N rows.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "common/large_vector.hpp"
#include "data/events.hpp"
#include "data/panel.hpp"
#include "data/table_import.hpp"
#include "data/table_rows.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {

/// Moves the rows to their places in the panel, and checks what concerns more than one cell. Fills `report` in; what
/// is counted by region is complete after the last block.
class PanelAssembler {
 public:
  /// All arguments must outlive it. Throws UserError for duplicate rows and for what is wrong with weeks or events.
  PanelAssembler(const TableRows& rows, const ImportOptions& options, ImportReport& report);

  const PanelCoordinates& coordinates() const { return coordinates_; }
  /// Whether blocks bring dark_RT.
  bool has_dark() const { return has_dark_; }
  /// All regions, `count` at a time, in the panel's order and without the coordinates' regions. Throws UserError for a
  /// region that is no use.
  void each_block(int64_t count, const std::function<void(Panel&)>& take);

 private:
  struct RowPlace {
    int32_t block, row;
  };
  struct RowValues {
    const double *media, *controls;  // C and K
    const double* spend;             // of the channels whose spend is a column
    double target = std::numeric_limits<double>::quiet_NaN(), population = 0;
    bool is_observed, is_dark;  // Panel::observed_RT, dark_RT
  };

  void make_coordinates();
  void check_size() const;
  void sort_rows();
  void add_events();
  [[noreturn]] void fail_duplicate(const RowBlock& duplicate, size_t row) const;
  RowValues row_values(const RowBlock& block, size_t row) const;
  Panel assemble(int64_t first, int64_t count);
  void place_row(RowPlace place, int64_t r, Panel& block);
  void average_population(Panel& block);
  void carry_controls(Panel& block);
  void count_regions(const Panel& block);

  const TableRows& rows_;
  const ImportOptions& options_;
  ImportReport& report_;
  const AssignedRoles& roles_;
  PanelCoordinates coordinates_, block_names_;  // the latter without regions and events
  TimeAxis axis_;
  std::optional<EventColumns> events_;
  std::vector<int64_t> rank_;       // place in the panel of a region by order of first appearance
  std::vector<int64_t> row_begin_;  // R + 1: where a region's rows begin in places_N_
  LargeVector<RowPlace> places_N_;  // rows by region, in file order within it
  LargeVector<uint8_t> has_row_RT_;
  std::vector<std::pair<double, double>> populations_R_;  // least and largest of the block's regions
  bool has_dark_ = false;
  int64_t regions_ = 0, weeks_ = 0;
};

}  // namespace dcmmm
