// Waiting for the other ranks before a collective call, with an end.
#pragma once

#include <mpi.h>

#include <cstdint>

namespace dcmmm {

/// Meets all ranks of one MPI group, call after call.
class Meeting {
 public:
  Meeting(MPI_Comm group, int rank, int size) : group_(group), rank_(rank), size_(size) {}

  /// Comes back once every rank of the group has called it as often as this one; after wait_limit() seconds it ends the
  /// job (comm/watchdog.hpp). Without a limit, or alone, it does nothing.
  void wait();

 private:
  MPI_Comm group_;
  int rank_, size_;
  int64_t calls_ = 0;
};

}  // namespace dcmmm
