// Steps whose loss or gradient isn't finite: skipped, then taken back to the last good state, at most a few times.
// Shapes: E members (shadows included).
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "trainer/fit.hpp"

namespace dcmmm {

/// Every decision follows from what the step reports, which is the same on every rank. A member that isn't finite at a
/// step skips it, and its learning rate is halved for good. When the next step isn't finite either, the member goes
/// back to its last good state: a copy, renewed every checkpoint.every_steps. A member that isn't finite there either,
/// or whose learning rate has been halved six times, is lost: it stays at its last good state.
class Retries {
 public:
  enum class Result { kGoesOn, kAllLost };

  /// Steps between copies of the state.
  static int64_t copy_every(const TrainerOptions& options);

  /// Call before each step, or before steps that end where the next copy is due.
  void before_step(const Fit& fit);
  /// Call after each step; `log` may be empty. kAllLost: every member the user asked for is lost; the fit is as it
  /// failed.
  Result after_step(const StepReport& report, Fit& fit, const std::function<void(const std::string&)>& log);

 private:
  std::array<at::Tensor, 6> good_, candidate_;  // a state is good when the step that begins at it is finite
  bool has_candidate_ = false;
  std::vector<char> has_moved_E_, is_lost_E_;  // moved: since its good state
  std::vector<int> in_a_row_E_;                // steps that weren't finite
};

}  // namespace dcmmm
