// A panel file from anywhere: what it says it holds is read, or it is refused.
#include "common/errors.hpp"
#include "data/inspect.hpp"
#include "data/panel_file.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  const auto path = testing::input_file("panel.h5", bytes, count);
  try {
    describe_file(path);
    const PanelFile file(path);
    file.read(0, static_cast<int64_t>(file.coordinates().regions.size()));
  } catch (const Error&) {
  }
  return 0;
}
