// Reductions of buffers in GPU memory. NCCL's implementation is linked into the CUDA binary only and makes itself known
// here, so that nothing else depends on CUDA.
#pragma once

#include <cstdint>
#include <memory>

#include "comm/communicator.hpp"

namespace dcmmm {

/// A group of ranks, each with a GPU of its own. Every method is collective, and queued on `stream` (a cudaStream_t):
/// it returns before the work is done, and may be captured into a CUDA graph after one eager call.
class DeviceCommunicator {
 public:
  virtual ~DeviceCommunicator() = default;

  /// Sums `count` elements at the device address `values` over the ranks, in place.
  virtual void all_reduce_sum(float* values, int64_t count, void* stream) = 0;
  virtual void all_reduce_sum(double* values, int64_t count, void* stream) = 0;

  /// Throws std::runtime_error when the group has failed (a rank died, a link broke); costs no synchronisation.
  virtual void check() = 0;
};

using DeviceCommunicatorMaker = std::unique_ptr<DeviceCommunicator> (*)(Communicator& group);

/// Called once by the CUDA library's static initialiser.
void register_device_communicator(DeviceCommunicatorMaker maker);

/// The ranks of `group`, each on its current CUDA device. Collective. Throws UserError in a binary built without CUDA.
std::unique_ptr<DeviceCommunicator> make_device_communicator(Communicator& group);

}  // namespace dcmmm
