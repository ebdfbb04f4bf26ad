#include "comm/meeting.hpp"

#include <sched.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "comm/mpi_communicator.hpp"
#include "comm/watchdog.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kHereTag = 20571;   // "I wait at call n": collective calls have no messages that could be taken for it
constexpr double kEager = 0.002;  // seconds until a waiting rank sleeps between looks and leaves its core to others
constexpr double kPatience = 1;   // seconds until it listens to the others
constexpr double kAnswers = 2;    // seconds for the others' answers

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_done(MPI_Request& request) {
  int done = 0;
  check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

// The ranks that wait at the same call, as far as they have said so.
class Waiting {
 public:
  Waiting(MPI_Comm group, int rank, int size, int64_t call)
      : group_(group), rank_(rank), call_(call), here_(static_cast<size_t>(size), false) {
    here_[static_cast<size_t>(rank)] = true;
  }

  bool is_here(int rank) const { return here_[static_cast<size_t>(rank)]; }

  // Tells the others, once. Nobody waits for the messages to be taken.
  void say() {
    if (said_) return;
    said_ = true;
    for (int other = 0; other < static_cast<int>(here_.size()); ++other) {
      if (other == rank_) continue;
      MPI_Request request;
      check_mpi(MPI_Isend(&call_, 1, MPI_INT64_T, other, kHereTag, group_, &request), "MPI_Isend");
      check_mpi(MPI_Request_free(&request), "MPI_Request_free");
    }
  }

  // Takes what others have said; true when one waits at this call.
  bool listen() {
    bool news = false;
    for (;;) {
      int there = 0;
      MPI_Status status;
      check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kHereTag, group_, &there, &status), "MPI_Iprobe");
      if (there == 0) return news;
      int64_t call = 0;
      check_mpi(MPI_Recv(&call, 1, MPI_INT64_T, status.MPI_SOURCE, kHereTag, group_, MPI_STATUS_IGNORE), "MPI_Recv");
      if (call != call_) continue;  // of a wait that has ended well
      here_[static_cast<size_t>(status.MPI_SOURCE)] = true;
      news = true;
    }
  }

 private:
  MPI_Comm group_;
  int rank_;
  int64_t call_;
  bool said_ = false;
  std::vector<bool> here_;
};

}  // namespace

void Meeting::wait() {
  if (size_ == 1 || wait_limit() <= 0) return;
  MPI_Request all;
  check_mpi(MPI_Ibarrier(group_, &all), "MPI_Ibarrier");
  finish(all);
}

void Meeting::finish(MPI_Request request) {
  ++calls_;
  if (wait_limit() <= 0) {
    check_mpi(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
    return;
  }
  for (int looks = 0; looks < 100; ++looks)
    if (is_done(request)) return;
  const auto start = Clock::now();
  while (seconds_since(start) < kEager) {
    if (is_done(request)) return;
    sched_yield();
  }
  Waiting waiting(group_, rank_, size_, calls_);
  double answered = 0;
  for (;;) {
    if (is_done(request)) return;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    const double waited = seconds_since(start);
    if (waited < kPatience) continue;
    const bool is_over = waited > wait_limit();
    if (waiting.listen() || is_over) waiting.say();
    if (!is_over) continue;
    if (answered == 0) answered = waited + kAnswers;
    if (waited > answered) break;
  }

  std::vector<int> late;
  int first_here = size_;
  for (int rank = size_ - 1; rank >= 0; --rank) {
    if (waiting.is_here(rank))
      first_here = rank;
    else
      late.insert(late.begin(), rank);
  }
  // One of those who wait speaks; the others only where it has died since.
  if (rank_ != first_here) std::this_thread::sleep_for(std::chrono::seconds(20));
  std::string names;
  for (const int rank : late) names += text(names.empty() ? "" : ", ", rank);
  end_late_job(
      text("Rank ", names.empty() ? "(unknown)" : names, " of ", size_, " is late: it hasn't come to ", activity(),
           ", where the others have waited for ", std::round(wait_limit()),
           " s. It hangs, or its machine no longer answers. The job ends here; a training run goes on from its "
           "last checkpoint with run.resume=true. If the wait was only too short, set mesh.timeout higher."));
}

void end_late_job(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, kRankIsLate);
  std::_Exit(kRankIsLate);
}

}  // namespace dcmmm
