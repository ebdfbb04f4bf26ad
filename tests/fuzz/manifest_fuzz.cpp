// A manifest from anywhere beside a checkpoint's file.
#include "checkpoints/checkpoint_store.hpp"
#include "common/errors.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  for (const auto& item : std::filesystem::directory_iterator(testing::fuzz_folder()))
    std::filesystem::remove(item.path());
  testing::input_file("step_000020.h5", reinterpret_cast<const uint8_t*>("twenty"), 6);
  testing::input_file("manifest.json", bytes, count);
  try {
    CheckpointStore(testing::fuzz_folder(), 3, [](const std::string&) {}).newest(*make_local_communicator());
  } catch (const Error&) {
  }
  return 0;
}
