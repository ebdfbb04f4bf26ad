// The process among its ranks: started by mpirun or srun, or alone.
#pragma once

#include <memory>
#include <string>

#include "comm/communicator.hpp"

namespace dcmmm {

/// Made once, first thing in main, and destroyed last. MPI starts only where a launcher (mpirun, srun --mpi=pmix)
/// started the process: alone, a process needs no MPI and starts at once. Throws UserError when srun started several
/// tasks without MPI, which would otherwise run the same command several times over.
/// `copies`: a command whose processes share their work by a file takes kWelcome.
/// No error may leave the scope of an Environment, as its destructor waits for all ranks: catch, and call
/// end_with_error().
class Environment {
 public:
  enum class UnrelatedCopies { kRefused, kWelcome };  // what srun without MPI starts
  explicit Environment(UnrelatedCopies copies = UnrelatedCopies::kRefused);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// This rank's place among the ranks of its machine: which GPU it takes.
  int local_rank() const { return local_rank_; }

  /// All ranks. REQUIRES: the Environment outlives it.
  std::unique_ptr<Communicator> world() const;
  /// The ranks on this machine. Collective.
  std::unique_ptr<Communicator> machine() const;

  /// Ends this process and all other ranks at once; the job's exit code is `code`.
  [[noreturn]] void abort(int code) const;

 private:
  bool with_mpi_ = false;
  int rank_ = 0, size_ = 1, local_rank_ = 0;
};

/// Ends the job after an error, with one message on stderr however many ranks call this, and exit code `code`.
/// A single process prints the message and gets `code` back, to be returned from main. Among several ranks it doesn't
/// return: rank 0 prints and ends the job; another rank gives rank 0 a second to do so and then does it itself, naming
/// its rank.
int end_with_error(const Environment& environment, int code, const std::string& message);

}  // namespace dcmmm
