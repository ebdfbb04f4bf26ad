#include "comm/device_communicator.hpp"

#include "common/errors.hpp"

namespace dcmmm {

static DeviceCommunicatorMaker the_maker = nullptr;

void register_device_communicator(DeviceCommunicatorMaker maker) { the_maker = maker; }

std::unique_ptr<DeviceCommunicator> make_device_communicator(Communicator& group) {
  if (!the_maker) throw UserError("This binary was built without CUDA: use dcmmm-cuda, or trainer.device=cpu.");
  return the_maker(group);
}

}  // namespace dcmmm
