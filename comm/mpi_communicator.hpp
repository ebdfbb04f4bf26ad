// The ranks of an MPI job. Only comm/ and parallel HDF5 see MPI; everybody else sees comm/communicator.hpp.
#pragma once

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <memory>

#include "comm/communicator.hpp"

namespace dcmmm {

/// A communicator over `group`, which it frees in the end when `owned`. Its mpi_handle() points to the MPI_Comm.
/// REQUIRES: MPI is initialised, and outlives the communicator. A failing MPI call throws std::runtime_error.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm group, bool owned);

/// The one check around every MPI call: throws std::runtime_error with MPI's own words when `result` is not
/// MPI_SUCCESS.
void check_mpi(int result, const char* call);

}  // namespace dcmmm
