#include "comm/meeting.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <utility>
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

// The ranks that wait, as far as they have said so. They may be at other calls: who has done its part of a broadcast
// goes on to the next call.
class Waiting {
 public:
  Waiting(MPI_Comm group, int rank, int size, int64_t call)
      : group_(group), rank_(rank), call_(call), heard_(static_cast<size_t>(size), kSilent) {
    heard_[static_cast<size_t>(rank)] = call;
  }

  // Tells the others, once. Nobody waits for the messages to be taken.
  void say() {
    if (said_) return;
    said_ = true;
    static std::deque<int64_t> kept;  // for good: MPI may read a message long after the wait
    const int64_t* message = &kept.emplace_back(call_);
    for (int other = 0; other < size(); ++other) {
      if (other == rank_) continue;
      MPI_Request request;
      check_mpi(MPI_Isend(message, 1, MPI_INT64_T, other, kHereTag, group_, &request), "MPI_Isend");
      check_mpi(MPI_Request_free(&request), "MPI_Request_free");
    }
  }

  // Takes what others have said; true when one waits now.
  bool listen() {
    const bool is_first = std::exchange(is_first_, false);
    bool news = false;
    for (;;) {
      int there = 0;
      MPI_Status status;
      check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kHereTag, group_, &there, &status), "MPI_Iprobe");
      if (there == 0) return news;
      int64_t call = 0;
      check_mpi(MPI_Recv(&call, 1, MPI_INT64_T, status.MPI_SOURCE, kHereTag, group_, MPI_STATUS_IGNORE), "MPI_Recv");
      news = true;
      // What lay there from before may be of a wait that has ended well.
      if (!is_first || call >= call_) heard_[static_cast<size_t>(status.MPI_SOURCE)] = call;
    }
  }

  // Those who are silent; where none is, those at the earliest call.
  std::vector<int> late() const {
    const int64_t earliest = *std::min_element(heard_.begin(), heard_.end());
    std::vector<int> out;
    for (int rank = 0; rank < size(); ++rank)
      if (heard_[static_cast<size_t>(rank)] == earliest) out.push_back(rank);
    if (static_cast<int>(out.size()) == size()) out.clear();
    return out;
  }

  // One of those who wait, the same for all of them.
  int speaker() const {
    const auto is_here = [](int64_t call) { return call != kSilent; };
    return static_cast<int>(std::find_if(heard_.begin(), heard_.end(), is_here) - heard_.begin());
  }

 private:
  static constexpr int64_t kSilent = -1;

  int size() const { return static_cast<int>(heard_.size()); }

  MPI_Comm group_;
  int rank_;
  int64_t call_;
  bool said_ = false, is_first_ = true;
  std::vector<int64_t> heard_;  // the call that each rank says it is at
};

// The job's numbers of a group's ranks, which may be a part of it.
std::vector<int> in_world(MPI_Comm group, const std::vector<int>& ranks) {
  MPI_Group part, world;
  check_mpi(MPI_Comm_group(group, &part), "MPI_Comm_group");
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
  std::vector<int> out(ranks.size());
  check_mpi(MPI_Group_translate_ranks(part, static_cast<int>(ranks.size()), ranks.data(), world, out.data()),
            "MPI_Group_translate_ranks");
  check_mpi(MPI_Group_free(&part), "MPI_Group_free");
  check_mpi(MPI_Group_free(&world), "MPI_Group_free");
  return out;
}

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

  // One of those who wait speaks; the others only where it has died since.
  if (rank_ != waiting.speaker()) std::this_thread::sleep_for(std::chrono::seconds(20));
  std::string names;
  for (const int rank : in_world(group_, waiting.late())) names += text(names.empty() ? "" : ", ", rank);
  int ranks = 0;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &ranks), "MPI_Comm_size");
  end_late_job(
      text("Rank ", names.empty() ? "(unknown)" : names, " of ", ranks, " is late: it hasn't come to ", activity(),
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
