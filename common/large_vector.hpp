// Arrays as long as the panel. They are on the heap; or, where the panel is larger than what a rank may hold, in files
// without a name, whose pages the system drops as memory gets short and reads ahead as they are asked for in order.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace dcmmm {

/// From now on memory from allocate_large of a MiB or more is a file's in `folder`; empty: the heap's again. What is
/// allocated stays where it is. Not to be called while other threads allocate.
void keep_large_arrays_in(const std::filesystem::path& folder);

/// As long as one lives, arrays are kept in `folder`; after it where they were kept before.
class LargeArraysIn {
 public:
  explicit LargeArraysIn(const std::filesystem::path& folder);
  LargeArraysIn(const LargeArraysIn&) = delete;
  LargeArraysIn& operator=(const LargeArraysIn&) = delete;
  ~LargeArraysIn();

 private:
  std::filesystem::path before_;
};

/// Whether keep_large_arrays_in named a folder.
bool keeps_large_arrays_in_files();

/// As long as one lives, what its thread allocates is on the heap: for what is soon gone.
class LargeArraysOnHeap {
 public:
  LargeArraysOnHeap();
  LargeArraysOnHeap(const LargeArraysOnHeap&) = delete;
  LargeArraysOnHeap& operator=(const LargeArraysOnHeap&) = delete;
  ~LargeArraysOnHeap();
};

/// Takes a part of the length (0 to 1) of every array that is in a file out of this process's memory. Nothing is lost:
/// a value that is asked for again is read again.
void release_large_arrays(double first, double end);

/// `bytes` of zeros, aligned for vector instructions; a file's take no memory until they are written. Throws UserError
/// where the folder has no room for it: the room is taken at once, so that no later write can fail.
void* allocate_large(std::size_t bytes);
void free_large(void* memory, std::size_t bytes) noexcept;

template <class Element>
struct LargeAllocator {
  using value_type = Element;

  LargeAllocator() = default;
  template <class Other>
  LargeAllocator(const LargeAllocator<Other>&) {}

  Element* allocate(std::size_t count) { return static_cast<Element*>(allocate_large(count * sizeof(Element))); }
  void deallocate(Element* memory, std::size_t count) noexcept { free_large(memory, count * sizeof(Element)); }
  friend bool operator==(const LargeAllocator&, const LargeAllocator&) { return true; }
};

/// Grows like any vector, a copy at a time: reserve what is known.
template <class Element>
using LargeVector = std::vector<Element, LargeAllocator<Element>>;

}  // namespace dcmmm
