// Counts a program's calls of the CUDA runtime that may make the host wait, beside its graph launches: LD_PRELOAD it.
// The counts go to stderr at the end, as one line of JSON.
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <atomic>
#include <cstdio>

namespace {

std::atomic<long> launches, synchronisations, copies;

template <class Function>
Function original(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

struct Report {
  ~Report() {
    std::fprintf(stderr, "{\"graph_launches\": %ld, \"synchronisations\": %ld, \"copies\": %ld}\n", launches.load(),
                 synchronisations.load(), copies.load());
  }
} report;

}  // namespace

extern "C" {

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  ++launches;
  static const auto call = original<cudaError_t (*)(cudaGraphExec_t, cudaStream_t)>("cudaGraphLaunch");
  return call(graph, stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  ++synchronisations;
  static const auto call = original<cudaError_t (*)(cudaStream_t)>("cudaStreamSynchronize");
  return call(stream);
}

cudaError_t cudaDeviceSynchronize() {
  ++synchronisations;
  static const auto call = original<cudaError_t (*)()>("cudaDeviceSynchronize");
  return call();
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  ++copies;
  static const auto call =
      original<cudaError_t (*)(void*, const void*, size_t, cudaMemcpyKind, cudaStream_t)>("cudaMemcpyAsync");
  return call(to, from, bytes, kind, stream);
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  ++copies;
  static const auto call = original<cudaError_t (*)(void*, const void*, size_t, cudaMemcpyKind)>("cudaMemcpy");
  return call(to, from, bytes, kind);
}
}
