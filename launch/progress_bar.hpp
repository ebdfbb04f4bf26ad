// The progress of training on stderr: a bar that redraws itself on a terminal, now and then a line elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace dcmmm {

struct ProgressBarOptions {
  bool quiet = false;                     // nothing at all, as on every rank but 0
  std::optional<bool> is_terminal;        // default: whether stderr is one
  std::ostream* out = nullptr;            // default: std::cerr
  std::function<double()> clock_seconds;  // default: the steady clock
};

class ProgressBar {
 public:
  /// `first_step`: steps done before (a resumed run); `steps`: where it ends.
  ProgressBar(int64_t first_step, int64_t steps, ProgressBarOptions options = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// After `step` steps. `skill`: best naive RMSE / the model's RMSE on the validation weeks, where known; kept until
  /// the next. A terminal is redrawn 10 times a second at most; elsewhere a line comes at each tenth of the way, or
  /// after 10 seconds.
  void update(int64_t step, double loss, std::optional<double> skill = std::nullopt);

  /// Takes the bar off the terminal, so that other text can be written; the next update draws it again.
  void erase();

 private:
  std::string line() const;

  const int64_t first_step_, steps_;
  ProgressBarOptions options_;
  double start_ = 0, last_drawn_ = 0;
  int64_t step_ = 0, last_tenth_ = 0;
  double loss_ = 0;
  std::optional<double> skill_;
  bool is_drawn_ = false;
};

}  // namespace dcmmm
