#include "comm/nccl/nccl_communicator.hpp"

#include <cuda_runtime.h>
#include <nccl.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "comm/collective_guard.hpp"
#include "comm/watchdog.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

void check_nccl(ncclResult_t result, const char* call) {
  if (result == ncclSuccess) return;
  throw std::runtime_error(text(call, " failed: ", ncclGetErrorString(result), " (", ncclGetLastError(nullptr),
                                "). NCCL_DEBUG=INFO says more."));
}

// Ends the job when what it lives beside takes longer than a collective call may: NCCL's own start waits for good.
class Deadline {
 public:
  explicit Deadline(const std::string& what) {
    if (wait_limit() <= 0) return;
    watch_ = std::thread([this, what, seconds = wait_limit()] {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return has_ended_; }))
        end_late_job(
            text(what, " hasn't ended after ", std::round(seconds),
                 " s: do all of its GPUs reach each other? NCCL_DEBUG=INFO says more. If the wait was only too "
                 "short, set mesh.timeout higher."));
    });
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() {
    if (!watch_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
    }
    ended_.notify_all();
    watch_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread watch_;
};

class NcclCommunicator final : public DeviceCommunicator {
 public:
  explicit NcclCommunicator(Communicator& group) {
    ncclUniqueId id;
    std::string bytes;
    on_rank_zero(group, [&] {
      check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
      bytes.assign(id.internal, sizeof id.internal);
    });
    group.broadcast(bytes);
    std::memcpy(id.internal, bytes.data(), sizeof id.internal);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 1;
    const Deadline deadline("The start of NCCL between the ranks' GPUs");
    check_nccl(ncclCommInitRankConfig(&communicator_, group.size(), id, group.rank(), &config),
               "ncclCommInitRankConfig");
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;
  ~NcclCommunicator() override { ncclCommDestroy(communicator_); }

  void all_reduce_sum(float* values, int64_t count, void* stream) override {
    all_reduce(values, count, ncclFloat, stream);
  }
  void all_reduce_sum(double* values, int64_t count, void* stream) override {
    all_reduce(values, count, ncclDouble, stream);
  }

  void check() override {
    ncclResult_t state = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(communicator_, &state), "ncclCommGetAsyncError");
    check_nccl(state, "A reduction over the GPUs");
  }

 private:
  void all_reduce(void* values, int64_t count, ncclDataType_t type, void* stream) {
    check_nccl(ncclAllReduce(values, values, static_cast<size_t>(count), type, ncclSum, communicator_,
                             static_cast<cudaStream_t>(stream)),
               "ncclAllReduce");
  }

  ncclComm_t communicator_ = nullptr;
};

[[maybe_unused]] const bool registered = (register_device_communicator(make_nccl_communicator), true);

}  // namespace

std::unique_ptr<DeviceCommunicator> make_nccl_communicator(Communicator& group) {
  return std::make_unique<NcclCommunicator>(group);
}

}  // namespace dcmmm
