// A checkpoint file from anywhere, read without its manifest.
#include "checkpoints/checkpoint_file.hpp"
#include "common/errors.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  try {
    read_checkpoint(testing::input_file("checkpoint.h5", bytes, count));
  } catch (const Error&) {
  }
  return 0;
}
