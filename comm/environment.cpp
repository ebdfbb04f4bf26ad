#include "comm/environment.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "comm/mpi_communicator.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

// Set by Open MPI's mpirun, by PMIx (srun --mpi=pmix, Open MPI 5) and by PMI (other launchers).
bool started_by_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name)) return true;
  }
  return false;
}

// srun without MPI support starts unrelated copies. (SLURM_STEP_NUM_TASKS is srun's own: a batch script doesn't see
// it.)
void refuse_unrelated_copies() {
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  if (!tasks || std::atoi(tasks) <= 1) return;
  const char* task = std::getenv("SLURM_PROCID");
  if (task && std::atoi(task) > 0) std::_Exit(static_cast<int>(ExitCode::kUserError));  // task 0 speaks for all
  throw UserError(text("srun started ", tasks, " tasks without MPI, which would be ", tasks,
                       " copies of the same run. Start them with `srun --mpi=pmix` or with mpirun."));
}

}  // namespace

Environment::Environment(UnrelatedCopies copies) {
  if (!started_by_launcher()) {
    if (copies == UnrelatedCopies::kRefused) refuse_unrelated_copies();
    return;
  }
  // OMPIO of Open MPI 4 corrupts files that parallel HDF5 writes (ompi#12718); a user's own choice stands.
  setenv("OMPI_MCA_io", "romio321", /*overwrite=*/0);
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  with_mpi_ = true;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  local_rank_ = machine()->rank();
}

Environment::~Environment() {
  if (with_mpi_) MPI_Finalize();
}

std::unique_ptr<Communicator> Environment::world() const {
  return with_mpi_ ? make_mpi_communicator(MPI_COMM_WORLD, /*owned=*/false) : make_local_communicator();
}

std::unique_ptr<Communicator> Environment::machine() const {
  if (!with_mpi_) return make_local_communicator();
  MPI_Comm group;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &group),
            "MPI_Comm_split_type");
  return make_mpi_communicator(group, /*owned=*/true);
}

void Environment::abort(int code) const {
  std::fflush(nullptr);
  if (with_mpi_) MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

// "I speak for all": from the rank that prints the error to those above it, while the job is being ended.
static constexpr int kSpeakingTag = 20572;

static void announce(int rank, int size) {
  for (int other = rank + 1; other < size; ++other) {
    MPI_Request request;
    if (MPI_Isend(nullptr, 0, MPI_BYTE, other, kSpeakingTag, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
      MPI_Request_free(&request);
  }
}

static bool another_speaks() {
  int there = 0;
  return MPI_Iprobe(MPI_ANY_SOURCE, kSpeakingTag, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE) == MPI_SUCCESS &&
         there != 0;
}

int end_with_error(const Environment& environment, int code, const std::string& message) {
  using std::chrono::milliseconds;
  if (environment.rank() == 0) {
    std::fprintf(stderr, "%s\n", message.c_str());
  } else {
    // Ranks further up wait longer, so that the lowest failing rank is the one that speaks; 3 s at most.
    for (int waited = 0; waited < 1000 + 250 * std::min(environment.rank() - 1, 8); waited += 10) {
      if (another_speaks()) {
        std::this_thread::sleep_for(milliseconds(20000));  // its MPI_Abort ends this process, sooner or later
        environment.abort(code);
      }
      std::this_thread::sleep_for(milliseconds(10));
    }
    std::fprintf(stderr, "rank %d: %s\n", environment.rank(), message.c_str());
  }
  if (environment.size() > 1) {
    announce(environment.rank(), environment.size());
    environment.abort(code);
  }
  return code;
}

}  // namespace dcmmm
