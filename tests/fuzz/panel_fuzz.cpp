// A panel file from anywhere: what it says it holds is read, or it is refused. One with a broken seal is tried again
// with a new one, so that what the fuzzer alters behind it reaches HDF5, too.
#include "common/errors.hpp"
#include "data/file_seal.hpp"
#include "data/inspect.hpp"
#include "data/panel_file.hpp"
#include "tests/fuzz/input_file.hpp"

namespace {

void read_panel(const std::filesystem::path& path) {
  using namespace dcmmm;
  try {
    describe_file(path);
    const PanelFile file(path);
    file.read(0, static_cast<int64_t>(file.coordinates().regions.size()));
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  const auto path = testing::input_file("panel.h5", bytes, count);
  read_panel(path);
  if (count > kSealBytes && !check_seal(path).problem.empty()) {
    seal_file(path, {});
    read_panel(path);
  }
  return 0;
}
