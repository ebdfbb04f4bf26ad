// A file in memory's file system with the fuzzer's bytes, for readers that take a path.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace dcmmm::testing {

/// A folder of this process, empty at its start.
inline const std::filesystem::path& fuzz_folder() {
  static const std::filesystem::path folder = [] {
    const auto path = std::filesystem::path("/dev/shm") / ("dcmmm_fuzz_" + std::to_string(::getpid()));
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
  }();
  return folder;
}

inline std::filesystem::path input_file(const std::string& name, const uint8_t* bytes, size_t count) {
  const auto path = fuzz_folder() / name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  return path;
}

}  // namespace dcmmm::testing
