// Waiting for the other ranks in a collective call, with an end.
#pragma once

#include <mpi.h>

#include <cstdint>

namespace dcmmm {

/// Waits for the ranks of one MPI group, call after call.
class Meeting {
 public:
  Meeting(MPI_Comm group, int rank, int size) : group_(group), rank_(rank), size_(size) {}

  /// Finishes a collective call that every rank of the group has begun, or will begin; after wait_limit() seconds it
  /// ends the job (comm/watchdog.hpp).
  void finish(MPI_Request request);

  /// Comes back once every rank has come: before calls that know no such end. Without a limit it does nothing.
  void wait();

 private:
  MPI_Comm group_;
  int rank_, size_;
  int64_t calls_ = 0;
};

}  // namespace dcmmm
