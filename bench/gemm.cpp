// GFLOP/s of the matrix products of a training step, one by one by the library's sgemm (MKL in LibTorch): the ceiling
// that bench/roofline.py compares whole steps with. gemm HIDDEN CELLS REGIONS [SECONDS]; one thread; prints JSON.
#include <time.h>
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace {

constexpr int64_t kInputs = 24, kOutputs = 13;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// out[rows x columns] = left[rows x inner] right[inner x columns], `times` of them in a step.
struct Product {
  const char* name;
  int64_t rows, columns, inner, times;
  bool transposed;  // left is stored [inner x rows], as in the weights' gradients

  double flops() const { return 2.0 * static_cast<double>(rows * columns * inner); }

  double seconds(double at_least) const {
    const at::Tensor left = transposed ? at::randn({inner, rows}).t() : at::randn({rows, inner}),
                     right = at::randn({inner, columns});
    at::Tensor out = at::empty({rows, columns});
    at::mm_out(out, left, right);
    int64_t count = 0;
    const double start = processor_seconds();
    do {
      at::mm_out(out, left, right);
      ++count;
    } while (processor_seconds() - start < at_least);
    return (processor_seconds() - start) / static_cast<double>(count);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("Usage: gemm HIDDEN CELLS REGIONS [SECONDS]\n", stderr);
    return 2;
  }
  const int64_t H = std::atoll(argv[1]), N = std::atoll(argv[2]), R = std::atoll(argv[3]), T = N / R;
  const double at_least = argc > 4 ? std::atof(argv[4]) : 0.2;
  at::set_num_threads(1);
  const Product products[] = {{"inputs, all weeks", N, 3 * H, kInputs, 1, false},
                              {"state, a week", R, 3 * H, H, T, false},
                              {"output, all weeks", N, kOutputs, H, 1, false},
                              {"state's gradient, a week", R, H, 3 * H, T, false},
                              {"inputs' gradient, all weeks", N, kInputs, 3 * H, 1, false},
                              {"output's gradient, all weeks", N, H, kOutputs, 1, false},
                              {"input weights' gradient", 3 * H, kInputs, N, 1, true},
                              {"state weights' gradient", 3 * H, H, N, 1, true},
                              {"output weights' gradient", kOutputs, H, N, 1, true}};
  nlohmann::json rows = nlohmann::json::array();
  double flops = 0, seconds = 0;
  for (const Product& product : products) {
    const double each = product.seconds(at_least);
    rows.push_back({{"product", product.name},
                    {"rows", product.rows},
                    {"columns", product.columns},
                    {"inner", product.inner},
                    {"times", product.times},
                    {"gflops_per_second", 1e-9 * product.flops() / each}});
    flops += product.flops() * static_cast<double>(product.times);
    seconds += each * static_cast<double>(product.times);
  }
  std::puts(nlohmann::json{{"hidden", H}, {"flops", flops}, {"seconds", seconds}, {"products", rows}}.dump().c_str());
  return 0;
}
