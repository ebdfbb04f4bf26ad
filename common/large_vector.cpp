#include "common/large_vector.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLeastBytes = std::size_t{1} << 20;
constexpr std::align_val_t kAlignment{64};

struct Files {
  std::mutex mutex;
  fs::path folder;                                 // empty: no new ones
  std::unordered_map<void*, std::size_t> mapping;  // what is a file's, and its bytes
};

thread_local int on_heap = 0;  // how many LargeArraysOnHeap live

// Never destroyed: arrays that live as long as the program are freed after it.
Files& files() {
  static Files* const files = new Files;
  return *files;
}

// A file that goes with its last descriptor, whatever ends the process.
int open_nameless(const fs::path& folder) {
  const int file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
  std::string name = (folder / "large-XXXXXX").string();
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

void* map_file(const fs::path& folder, std::size_t bytes) {
  const auto fail = [&](int reason) {
    throw UserError(text("Can't keep ", bytes >> 20, " MiB in '", folder.string(),
                         "': ", std::generic_category().message(reason),
                         ". The panel is larger than the memory of a rank; set TMPDIR to a folder on a disk with room, "
                         "raise trainer.memory_limit, or take more ranks."));
  };
  const int file = open_nameless(folder);
  if (file < 0) fail(errno);
  if (const int reason = posix_fallocate(file, 0, static_cast<off_t>(bytes)); reason != 0) {
    close(file);
    fail(reason);
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int reason = errno;
  close(file);
  if (memory == MAP_FAILED) fail(reason);
  madvise(memory, bytes, MADV_SEQUENTIAL);  // regions are read in order: the next ones while these are computed on
  return memory;
}

}  // namespace

void keep_large_arrays_in(const fs::path& folder) {
  const std::lock_guard lock(files().mutex);
  files().folder = folder;
}

LargeArraysIn::LargeArraysIn(const fs::path& folder) {
  const std::lock_guard lock(files().mutex);
  before_ = std::exchange(files().folder, folder);
}
LargeArraysIn::~LargeArraysIn() { keep_large_arrays_in(before_); }

LargeArraysOnHeap::LargeArraysOnHeap() { ++on_heap; }
LargeArraysOnHeap::~LargeArraysOnHeap() { --on_heap; }

bool keeps_large_arrays_in_files() {
  const std::lock_guard lock(files().mutex);
  return !files().folder.empty();
}

void release_large_arrays(double first, double end) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::lock_guard lock(files().mutex);
  for (const auto& [memory, bytes] : files().mapping) {
    const auto place = [bytes = bytes](double share) {
      return std::min(bytes, static_cast<std::size_t>(share * static_cast<double>(bytes)));
    };
    const std::size_t begin = place(first) / page * page, stop = place(end);
    if (stop > begin) madvise(static_cast<char*>(memory) + begin, stop - begin, MADV_DONTNEED);
  }
}

void* allocate_large(std::size_t bytes) {
  if (bytes >= kLeastBytes && on_heap == 0) {
    const std::lock_guard lock(files().mutex);
    if (!files().folder.empty()) {
      void* memory = map_file(files().folder, bytes);
      files().mapping.emplace(memory, bytes);
      return memory;
    }
  }
  return std::memset(::operator new(bytes, kAlignment), 0, bytes);
}

void free_large(void* memory, std::size_t bytes) noexcept {
  if (bytes >= kLeastBytes) {
    const std::lock_guard lock(files().mutex);
    if (files().mapping.erase(memory) > 0) {
      munmap(memory, bytes);
      return;
    }
  }
  ::operator delete(memory, kAlignment);
}

}  // namespace dcmmm
