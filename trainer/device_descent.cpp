#include "trainer/device_descent.hpp"

#include <array>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

std::optional<DeviceDescentMaker> the_maker;

}  // namespace

void register_device_descent(DeviceDescentMaker maker) { the_maker = maker; }

std::string why_not_on_device(const Descent& descent, const GraphTerm* graph) {
  const ModelOptions& model = descent.model.options();
  const FitData& data = descent.data;
  // What a block of threads keeps of a region must fit into its memory (model/cuda/effect_and_loss.cu, gru.cu).
  const int64_t hidden = model.gru ? model.hidden : 0;
  const bool is_too_large = hidden > 512 || data.channels > 1000 || data.last_origin() > 6000;
  const std::array<std::pair<bool, const char*>, 10> reasons = {{
      {!model.media || !model.hill,
       "media without effects or without Hill curves (model.media.enabled, model.hill.enabled)"},
      {model.share_of_voice, "shares of voice (model.media.scaling)"},
      {!model.delayed_channels.empty(), "a delayed carry-over (model.adstock.kind)"},
      {!model.frequencies.empty(), "reach and frequency (model.media.frequency)"},
      {model.adjacency != Adjacency::kNone, "an adjacency (model.adjacency.kind)"},
      {model.region_patterns || data.drift_ENC.defined() || data.national_EN.defined(), "parameters of the likelihood"},
      {!data.lifts.empty(), "experiments or known ROIs (data.experiments, model.priors)"},
      {graph != nullptr, "a graph that is learned along (model.dag.mode=joint)"},
      {descent.options.deterministic, "the same bits on any number of ranks (trainer.deterministic)"},
      {is_too_large, "more than 6,000 weeks, 1,000 channels or 512 hidden units"},
  }};
  for (const auto& [is_so, what] : reasons)
    if (is_so) return what;
  return {};
}

void check_device(const TrainerOptions& options) {
  if (options.device != Device::kCuda) return;
  if (!the_maker)
    throw UserError(
        "'trainer.device' is 'cuda', but this program was built without CUDA. Run dcmmm-cuda, which the build makes "
        "where it finds nvcc, or use trainer.device=cpu.");
  if (the_maker->devices() == 0)
    throw UserError(
        "'trainer.device' is 'cuda', but no GPU was found: nvidia-smi and CUDA_VISIBLE_DEVICES say what there is. Use "
        "trainer.device=cpu or auto.");
}

void warm_up_device(const TrainerOptions& options) {
  if (the_maker && options.device != Device::kCpu) the_maker->warm_up(options.local_rank);
}

std::unique_ptr<DeviceDescent> make_device_descent(const Descent& descent, const GraphTerm* graph) {
  const TrainerOptions& options = descent.options;
  if (options.device == Device::kCpu) return nullptr;
  check_device(options);
  const std::string why_not = why_not_on_device(descent, graph);
  const bool is_wanted = options.device == Device::kCuda;
  if (is_wanted && !why_not.empty())
    throw UserError(text("'trainer.device' is 'cuda', but the GPU's steps don't cover ", why_not,
                         ". Use trainer.device=cpu or auto."));
  const int devices = the_maker ? the_maker->devices() : 0;
  // Ranks that share a GPU only do so where they are told to.
  double without[] = {is_wanted || (why_not.empty() && options.local_rank < devices) ? 0.0 : 1.0};
  descent.loop.communicator().all_reduce_sum(std::span<double>(without));
  if (without[0] > 0) return nullptr;
  return the_maker->make(descent, options.local_rank % devices);
}

}  // namespace dcmmm
