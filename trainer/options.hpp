// Settings of a training run; the defaults are those of configs/trainer/default.yaml.
#pragma once

#include <cstdint>

namespace dcmmm {

enum class Device { kAuto, kCpu, kCuda };

struct TrainerOptions {
  int64_t steps = 80;
  double learning_rate = 0.02;
  int64_t warmup_steps = 10;
  double final_learning_rate = 0.05;                           // share of learning_rate at the last step (cosine)
  double shared_rate = 1.0, gru_rate = 1.0, local_rate = 1.0;  // multiples of learning_rate, per group
  double clip = 1.0;                                           // norm of the shared gradient, and of each region's own
  double weight_decay = 0.0;                                   // AdamW's decoupled decay

  bool early_stopping = true;
  int64_t validation_weeks = 8;  // of an inner origin inside the training weeks; 0: none
  int64_t validate_every = 10;   // steps
  int64_t patience = 3;          // validations in a row that are clearly worse than the best

  bool deterministic = false;
  bool float64 = false;
  bool tf32 = false;         // a GPU's products of matrices with TF32's 11 bits; of float32 only
  int64_t region_chunk = 0;  // regions at once; 0: from memory_limit
  int64_t memory_limit = 0;  // bytes for a step's activations on this rank; 0: from the machine
  double time_limit = 0;     // seconds; 0: none
  int threads = 0;           // 0: from the affinity mask
  Device device = Device::kAuto;
  int local_rank = 0;  // this rank's place on its machine: which GPU it takes

  int64_t checkpoint_every = 20;   // steps
  double checkpoint_share = 0.05;  // of the time since the start: one that is due but would take more is left out
  int checkpoint_keep = 3;
};

}  // namespace dcmmm
