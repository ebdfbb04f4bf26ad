// The descent's steps on a GPU. Its kernels are linked into the CUDA binary only and make themselves known here, so
// that nothing else depends on CUDA. Shapes: E members, R regions of this rank, T training weeks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph_term.hpp"
#include "trainer/train_step.hpp"

namespace dcmmm {

/// What a GPU's steps are made of; everything outlives them.
struct Descent {
  const Mmm& model;
  const FitData& data;
  const Anchor& anchor;
  const TrainerOptions& options;
  const RegionLoop& loop;
};

/// Steps in bursts: within one, nothing passes between the host and the GPU. The host's FitState is the truth between
/// bursts.
class DeviceDescent {
 public:
  virtual ~DeviceDescent() = default;

  /// Takes up to `steps` steps (kMostSteps at most) from `state`, in place; ends early after a step in which a member's
  /// loss or gradient wasn't finite. A report a step, as train_step's; `signal` is this rank's. Collective.
  virtual std::vector<StepReport> run(FitState& state, int64_t steps, double signal) = 0;

  /// Effect plus baseline [E, R, T] at the state's parameters, in units of m_r, on the host.
  virtual at::Tensor predict(const FitState& state) = 0;

  /// Takes over data.cell_weight_ERT, after a change.
  virtual void take_cell_weights() = 0;

  virtual std::string device_name() const = 0;

  static constexpr int64_t kMostSteps = 64;
};

/// The CUDA library's: `devices` counts what this process can use; `warm_up` starts a device in the background.
struct DeviceDescentMaker {
  int (*devices)();
  void (*warm_up)(int device);
  std::unique_ptr<DeviceDescent> (*make)(const Descent& descent, int device);
};

/// Called once by the CUDA library's static initialiser.
void register_device_descent(DeviceDescentMaker maker);

/// Why a GPU can't take this descent's steps, for people; empty where it can.
std::string why_not_on_device(const Descent& descent, const GraphTerm* graph);

/// Throws UserError where options.device is kCuda and this program or machine has no GPU.
void check_device(const TrainerOptions& options);

/// Starts the rank's GPU, where there is one to use, while the caller goes on: that takes some tenths of a second.
void warm_up_device(const TrainerOptions& options);

/// Steps on this rank's GPU as options.device asks for: kAuto takes one where every rank has its own and the descent
/// can be there, else null; kCuda throws UserError where it can't. Collective.
std::unique_ptr<DeviceDescent> make_device_descent(const Descent& descent, const GraphTerm* graph);

}  // namespace dcmmm
