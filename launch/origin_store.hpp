// The origins that an evaluation is through with, on disk until it is at its end: what was stopped goes on there.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "analysis/crossval_report.hpp"
#include "launch/value.hpp"

namespace dcmmm {

/// One after the other, as numbers; and back, from `next` on, which is moved behind them.
void append_numbers(const OriginForecasts& forecasts, std::vector<double>& numbers);
OriginForecasts take_numbers(std::vector<double>::const_iterator& next);

/// A file for each origin in `folder`. It counts only for the same settings, the same panel, and when its bytes are
/// whole. For one process.
class OriginStore {
 public:
  OriginStore(std::filesystem::path folder, const Value& config, const std::string& panel_checksum);

  void keep(const OriginForecasts& forecasts) const;
  /// By origin.
  std::map<int64_t, OriginForecasts> kept() const;
  void clear() const;

 private:
  std::filesystem::path folder_;
  std::string settings_;
};

}  // namespace dcmmm
