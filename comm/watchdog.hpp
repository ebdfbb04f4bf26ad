// What becomes of a job when one of its ranks no longer comes: the others would wait for it for good.
#pragma once

#include <string>

namespace dcmmm {

/// Exit code of a job that ends because a rank is late.
inline constexpr int kRankIsLate = 6;

/// From now on, a collective call that some rank hasn't come to after `seconds` ends the job: one message on stderr
/// names the late ranks and what the others are at, and the exit code is kRankIsLate. 0: wait for good. Every rank
/// calls this at the same place between two collective calls. Collective file access (parallel HDF5) isn't watched.
void set_wait_limit(double seconds);
double wait_limit();

/// Ends the job with this message on stderr and exit code kRankIsLate, without waiting for anything. REQUIRES: a job of
/// several ranks.
[[noreturn]] void end_late_job(const std::string& message);

/// What this process is at, for that message: "step 57".
void set_activity(const std::string& activity);
const std::string& activity();

}  // namespace dcmmm
