// Writes panel.h5, bare.h5 (no controls, no spend, labels of one letter) and checkpoint.h5 into the folder given, for
// open_in_python.py.
#include <filesystem>

#include "checkpoints/checkpoint_file.hpp"
#include "comm/communicator.hpp"
#include "data/panel_file.hpp"
#include "tests/checkpoints/sample_checkpoint.hpp"
#include "tests/small_panel.hpp"

int main(int, char** arguments) {
  using namespace dcmmm;
  const std::filesystem::path folder = arguments[1];
  write_panel_file(folder / "panel.h5", testing::small_panel(100, 20, 3, 2));
  Panel bare = testing::small_panel(2, 3, 1, 0, false);
  bare.coordinates.regions = {"a", "b"};
  write_panel_file(folder / "bare.h5", bare);
  write_checkpoint(folder / "checkpoint.h5", testing::sample_checkpoint(80, 11, 0, 11), *make_local_communicator());
}
