// Memory of a GPU that frees itself, and what is moved in and out of it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "model/cuda/step.hpp"

namespace dcmmm::cuda {

template <class Item>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(int64_t count) : count_(count) {
    if (count > 0) check(cudaMalloc(reinterpret_cast<void**>(&items_), bytes()), "cudaMalloc");
  }
  explicit DeviceBuffer(const std::vector<Item>& items) : DeviceBuffer(static_cast<int64_t>(items.size())) {
    put(items.data());
  }
  DeviceBuffer(const Item* items, int64_t count) : DeviceBuffer(count) { put(items); }
  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~DeviceBuffer() { cudaFree(items_); }

  Item* data() const { return items_; }
  int64_t size() const { return count_; }

  /// From the host, all of it, before what comes into the stream later: an ordinary copy may still be on its way to the
  /// GPU when it returns, and this stream waits for no other. `from` is free again at once.
  void put(const Item* from, cudaStream_t stream) {
    if (count_ > 0)
      check(cudaMemcpyAsync(items_, from, bytes(), cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync to the GPU");
  }
  /// The same before any stream is used.
  void put(const Item* from) {
    if (count_ > 0) check(cudaMemcpy(items_, from, bytes(), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU");
  }
  /// To the host; waits.
  void get(Item* to) const {
    if (count_ > 0) check(cudaMemcpy(to, items_, bytes(), cudaMemcpyDeviceToHost), "cudaMemcpy from the GPU");
  }

 private:
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(Item); }

  Item* items_ = nullptr;
  int64_t count_ = 0;
};

/// Memory of the host that a GPU reads and writes by itself, beside a buffer of the GPU of the same size.
template <class Item>
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(int64_t count) : count_(count) {
    if (count > 0) check(cudaMallocHost(reinterpret_cast<void**>(&items_), bytes()), "cudaMallocHost");
  }
  PinnedBuffer(PinnedBuffer&& other) noexcept { *this = std::move(other); }
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~PinnedBuffer() { cudaFreeHost(items_); }

  Item* data() const { return items_; }
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(Item); }

  /// In the stream's order, without a wait; `on_device` is as long.
  void put(Item* on_device, cudaStream_t stream) const {
    if (count_ > 0)
      check(cudaMemcpyAsync(on_device, items_, bytes(), cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
  }
  void get(const Item* on_device, cudaStream_t stream) const {
    if (count_ > 0)
      check(cudaMemcpyAsync(items_, on_device, bytes(), cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
  }

 private:
  Item* items_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace dcmmm::cuda
