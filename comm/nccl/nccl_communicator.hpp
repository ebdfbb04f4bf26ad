// NCCL behind comm/device_communicator.hpp. Built only where CUDA is (cmake/cuda.cmake).
#pragma once

#include <memory>

#include "comm/device_communicator.hpp"

namespace dcmmm {

/// The ranks of `group`, each on its current CUDA device. Collective: rank 0's unique id reaches the others through
/// `group`, so any Communicator does for the start. Throws std::runtime_error with NCCL's own words.
std::unique_ptr<DeviceCommunicator> make_nccl_communicator(Communicator& group);

}  // namespace dcmmm
