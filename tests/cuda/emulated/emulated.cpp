// A block's threads as fibers of one thread, which take turns at barriers: POSIX contexts to begin with, then setjmp
// and longjmp, which need no system call.
#include <ucontext.h>
#include <csetjmp>

#include <memory>

#include "cuda_runtime.h"

namespace emulated {
namespace {

constexpr size_t kStack = 256 * 1024, kSharedMemory = 227 * 1024;

struct Fiber {
  ucontext_t context;
  jmp_buf jump;
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStack);
  dim3 thread;
  bool has_begun = false, is_done = false;
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept from block to block
  unsigned running = 0, threads = 0;
  ucontext_t start;
  jmp_buf scheduler;
  const Launch* kernel = nullptr;
  std::vector<double> exchanged = std::vector<double>(1024);
  alignas(16) unsigned char shared[kSharedMemory];
};

Block& block() {
  static auto the_block = std::make_unique<Block>();
  return *the_block;
}

void run_fiber() {
  (*block().kernel)();
  block().fibers[block().running]->is_done = true;
  _longjmp(block().scheduler, 1);
}

// Goes on with a fiber until it waits or ends.
[[gnu::noinline]] void resume(Block& here, Fiber& fiber) {
  if (_setjmp(here.scheduler) != 0) return;
  if (fiber.has_begun) _longjmp(fiber.jump, 1);
  fiber.has_begun = true;
  swapcontext(&here.start, &fiber.context);
}

// Every fiber to its next barrier, until all are done.
void run_block() {
  Block& here = block();
  for (unsigned i = 0; i < here.threads; ++i) {
    if (here.fibers.size() <= i) here.fibers.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *here.fibers[i];
    fiber.has_begun = fiber.is_done = false;
    fiber.thread = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_fiber, 0);
  }
  for (bool is_left = true; is_left;) {
    is_left = false;
    for (unsigned i = 0; i < here.threads; ++i) {
      if (here.fibers[i]->is_done) continue;
      here.running = i;
      threadIdx = here.fibers[i]->thread;
      resume(here, *here.fibers[i]);
      is_left = is_left || !here.fibers[i]->is_done;
    }
  }
}

void run(dim3 grid, dim3 block_size, const Launch& kernel) {
  block().kernel = &kernel;
  block().threads = block_size.x * block_size.y * block_size.z;
  gridDim = grid;
  blockDim = block_size;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        std::memset(block().shared, 0xff, kSharedMemory);
        run_block();
      }
}

}  // namespace

unsigned char* shared_memory() { return block().shared; }

void launch(dim3 grid, dim3 block_size, size_t bytes, Stream* stream, const Launch& kernel) {
  if (bytes > kSharedMemory || block_size.x * block_size.y * block_size.z > 1024 || grid.y > 65535 || grid.z > 65535)
    std::abort();  // no GPU would take it
  if (stream->recording != nullptr)
    stream->recording->launches.push_back([=] { run(grid, block_size, kernel); });
  else
    run(grid, block_size, kernel);
}

}  // namespace emulated

void __syncthreads() {
  emulated::Block& here = emulated::block();
  if (_setjmp(here.fibers[here.running]->jump) == 0) _longjmp(here.scheduler, 1);
}

double __shfl_down_sync(unsigned, double value, int step) {
  emulated::Block& here = emulated::block();
  const unsigned thread = here.running;
  here.exchanged[thread] = value;
  __syncthreads();
  const unsigned from = thread + static_cast<unsigned>(step);
  const double out =
      thread % 32 + static_cast<unsigned>(step) < 32 && from < here.threads ? here.exchanged[from] : value;
  __syncthreads();
  return out;
}
