#include "trainer/retries.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "model/large_tensor.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kCopyEvery = 20;  // steps, where no checkpoints are written
constexpr double kLowestFactor = 1.0 / 64;

// All that a step changes of a member.
std::array<at::Tensor, 6> tensors_of(const FitState& state) {
  return {state.shared_EP,        state.local_ERL,       state.shared_first_EP,
          state.shared_second_EP, state.local_first_ERL, state.local_second_ERL};
}

// Into memory that is there from the second time on.
void copy_into(std::array<at::Tensor, 6>& copies, const FitState& state) {
  const std::array<at::Tensor, 6> tensors = tensors_of(state);
  for (size_t i = 0; i < copies.size(); ++i)
    copies[i] = copies[i].defined() ? copies[i].copy_(tensors[i]) : large_copy(tensors[i]);
}

void copy_member(const std::array<at::Tensor, 6>& from, const std::array<at::Tensor, 6>& to, int64_t member) {
  for (size_t i = 0; i < from.size(); ++i) to[i][member].copy_(from[i][member]);
}

}  // namespace

int64_t Retries::copy_every(const TrainerOptions& options) {
  return options.checkpoint_every > 0 ? options.checkpoint_every : kCopyEvery;
}

void Retries::before_step(const Fit& fit) {
  const bool is_first = in_a_row_E_.empty();
  has_candidate_ = is_first || fit.state.step % copy_every(fit.options) == 0;
  if (has_candidate_) copy_into(candidate_, fit.state);
  if (!is_first) return;
  copy_into(good_, fit.state);
  const size_t members = fit.state.active_E.size();
  has_moved_E_.assign(members, 0);
  is_lost_E_.assign(members, 0);
  in_a_row_E_.assign(members, 0);
}

Retries::Result Retries::after_step(const StepReport& report, Fit& fit,
                                    const std::function<void(const std::string&)>& log) {
  FitState& state = fit.state;
  const auto say = [&](int64_t member, const std::string& words) {
    if (log && member < fit.members)
      log(text("Step ", state.step, ": the loss of member ", member, " isn't finite. ", words));
  };
  std::vector<int64_t> lost;
  for (int64_t e = 0; e < fit.data.member_count(); ++e) {
    const auto i = static_cast<size_t>(e);
    if (state.active_E[i] == 0) continue;
    if (report.is_finite(e)) {
      if (has_candidate_) copy_member(candidate_, good_, e);
      has_moved_E_[i] = 1;
      in_a_row_E_[i] = 0;
      continue;
    }
    state.active_E[i] /= 2;
    if (++in_a_row_E_[i] == 1) {
      say(e, "The step is skipped, and the learning rate halved.");
    } else if (has_moved_E_[i] != 0 && state.active_E[i] >= kLowestFactor) {
      say(e, "Back to the last good state, at half the learning rate.");
      copy_member(good_, tensors_of(state), e);
      has_moved_E_[i] = 0;
      in_a_row_E_[i] = 0;
    } else {
      state.active_E[i] = 0;
      is_lost_E_[i] = 1;
      lost.push_back(e);
    }
  }
  if (std::all_of(is_lost_E_.begin(), is_lost_E_.begin() + fit.members, [](char is_lost) { return is_lost != 0; }))
    return Result::kAllLost;
  for (const int64_t e : lost) {
    say(e, "It stays at its last good state.");
    copy_member(good_, tensors_of(state), e);
  }
  return Result::kGoesOn;
}

}  // namespace dcmmm
