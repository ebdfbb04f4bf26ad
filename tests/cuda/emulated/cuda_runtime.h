// Enough of the CUDA runtime to run the GPU's kernels on a processor, for tests on machines without a GPU: a block's threads
// are fibers that take turns between barriers, blocks run one after the other, device memory is the host's, a stream does
// at once what is put into it, and a captured graph is a list of launches. What only a GPU shows (races between threads
// that need no barrier here, limits of shared memory, speed) it can't show. The kernels' sources are translated by
// translate.cmake, which turns launches into calls of emulated::launch.
#pragma once

#include <math.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): as CUDA's
  dim3(unsigned x_size, unsigned y_size = 1, unsigned z_size = 1) : x(x_size), y(y_size), z(z_size) {}
};

inline thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

template <class A, class B>
constexpr auto min(A a, B b) {
  using Common = std::common_type_t<A, B>;
  return static_cast<Common>(a) < static_cast<Common>(b) ? static_cast<Common>(a) : static_cast<Common>(b);
}
template <class A, class B>
constexpr auto max(A a, B b) {
  using Common = std::common_type_t<A, B>;
  return static_cast<Common>(a) > static_cast<Common>(b) ? static_cast<Common>(a) : static_cast<Common>(b);
}

void __syncthreads();
double __shfl_down_sync(unsigned mask, double value, int step);

inline void __syncwarp() { __syncthreads(); }  // for kernels whose warps all come to it
template <class To, class From>
To with_bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
inline float __uint_as_float(uint32_t bits) { return with_bits_of<float>(bits); }
inline uint32_t __float_as_uint(float value) { return with_bits_of<uint32_t>(value); }
inline float __fdividef(float a, float b) { return a / b; }

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNotReady = 600 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
inline constexpr unsigned cudaStreamNonBlocking = 1;
struct cudaDeviceProp {
  char name[32];
  int multiProcessorCount;
};

namespace emulated {

using Launch = std::function<void()>;
struct Graph {
  std::vector<Launch> launches;
};
struct Stream {
  Graph* recording = nullptr;
};

/// The block's dynamic shared memory.
unsigned char* shared_memory();

/// Runs `kernel` for every thread of every block, or records that.
void launch(dim3 grid, dim3 block, size_t bytes, Stream* stream, const Launch& kernel);

}  // namespace emulated

using cudaStream_t = emulated::Stream*;
using cudaGraph_t = emulated::Graph*;
using cudaGraphExec_t = emulated::Graph*;

inline constexpr int kEmulatedProcessors = 3;  // few, so that small panels have several rows a block

inline const char* cudaGetErrorString(cudaError_t) { return "out of memory"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* devices) { return *devices = 1, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  return *value = kEmulatedProcessors, cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int) {
  *out = {"emulated GPU", kEmulatedProcessors};
  return cudaSuccess;
}
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaMemGetInfo(size_t* available, size_t* all) {
  return *available = *all = size_t{1} << 32, cudaSuccess;
}
// Filled with what isn't a number, so that a kernel that reads what nothing wrote shows.
inline cudaError_t cudaMalloc(void** to, size_t bytes) {
  *to = std::malloc(bytes);
  if (*to == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*to, 0xff, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* from) { return std::free(from), cudaSuccess; }
inline cudaError_t cudaMemset(void* to, int value, size_t bytes) { return std::memset(to, value, bytes), cudaSuccess; }
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  return std::memcpy(to, from, bytes), cudaSuccess;
}
inline cudaError_t cudaMallocHost(void** to, size_t bytes) { return cudaMalloc(to, bytes); }
inline cudaError_t cudaFreeHost(void* from) { return cudaFree(from); }
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* out, unsigned) {
  return *out = new emulated::Stream, cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) { return delete stream, cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamQuery(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return stream->recording = new emulated::Graph, cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* out) {
  *out = stream->recording;
  stream->recording = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* out, cudaGraph_t graph, unsigned) {
  return *out = new emulated::Graph(*graph), cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return delete graph, cudaSuccess; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  for (const emulated::Launch& launch : graph->launches) launch();
  return cudaSuccess;
}
