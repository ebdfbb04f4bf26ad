// The one interface through which ranks talk. Below it: a single process (identity), MPI, NCCL.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dcmmm {

/// A group of ranks. Every method is collective: all ranks of the group call it in the same order, with buffers of the
/// same length (in elements of type T) unless said otherwise. Reductions are in place and give every rank the same
/// bits.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  virtual void all_reduce_sum(std::span<double> values) = 0;
  virtual void all_reduce_sum(std::span<int64_t> values) = 0;
  /// NaN counts as larger than every number, so that no rank can miss another one's NaN.
  virtual void all_reduce_max(std::span<double> values) = 0;

  /// Concatenates what each rank brings, in rank order; lengths may differ and may be 0.
  virtual std::vector<double> all_gather(std::span<const double> mine) = 0;

  /// Gives every rank the text of rank `root`.
  virtual void broadcast(std::string& value, int root = 0) = 0;

  virtual void barrier() = 0;

  /// Splits the group: ranks of one `color` form a new group, ordered by their rank here.
  virtual std::unique_ptr<Communicator> split(int color) = 0;

  /// The underlying MPI_Comm for parallel file access (see comm/mpi_communicator.hpp), or nullptr for a single process.
  virtual void* mpi_handle() { return nullptr; }
};

/// A group of one: every operation is the identity.
std::unique_ptr<Communicator> make_local_communicator();

}  // namespace dcmmm
