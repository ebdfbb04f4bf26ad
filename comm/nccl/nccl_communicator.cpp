#include "comm/nccl/nccl_communicator.hpp"

#include <cuda_runtime.h>
#include <nccl.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "comm/collective_guard.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

void check_nccl(ncclResult_t result, const char* call) {
  if (result == ncclSuccess) return;
  throw std::runtime_error(text(call, " failed: ", ncclGetErrorString(result), " (", ncclGetLastError(nullptr),
                                "). NCCL_DEBUG=INFO says more."));
}

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
