// The descent on one GPU: buffers, the step as a CUDA graph (the sum over ranks included), and bursts of it.
// Shapes: E members, R regions of this rank, n of a chunk, T training weeks, C channels, K controls, S patterns, H
// hidden units, P shared and L local parameters.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <future>
#include <limits>
#include <thread>

#include "comm/device_communicator.hpp"
#include "comm/watchdog.hpp"
#include "common/text.hpp"
#include "model/penalty_table.hpp"
#include "model/seasonality.hpp"
#include "trainer/cuda/descent_layout.hpp"
#include "trainer/cuda/device_buffer.hpp"
#include "trainer/cuda/update.hpp"
#include "trainer/device_descent.hpp"

namespace dcmmm::cuda {
namespace {

// A stream, and the graph that is launched into it.
struct Stream {
  Stream() { check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (graph != nullptr) cudaGraphExecDestroy(graph);
    cudaStreamDestroy(stream);
  }
  void wait() const { check(cudaStreamSynchronize(stream), "A training step"); }

  cudaStream_t stream = nullptr;
  cudaGraphExec_t graph = nullptr;
};

template <class Real>
DeviceBuffer<Real> on_device(const at::Tensor& tensor) {
  return DeviceBuffer<Real>(numbers<Real>(tensor));
}

template <class Real>
class CudaDescent final : public DeviceDescent {
 public:
  CudaDescent(const Descent& descent, int device) : descent_(descent), shape_(shape_of(descent)), device_(device) {
    put_panel();
    put_tables();
    make_state();
    take_cell_weights();
    make_scratch();
    if (descent.loop.communicator().size() > 1) ranks_ = make_device_communicator(descent.loop.communicator());
    warm_up();
    capture();
  }

  std::vector<StepReport> run(FitState& state, int64_t steps, double signal) override {
    const auto start = std::chrono::steady_clock::now();
    check(cudaSetDevice(device_), "cudaSetDevice");
    put_state(state);
    active_.put(state.active_E.data(), stream_.stream);
    signal_.put(&signal, stream_.stream);
    const Progress before{state.step, 0, 0};
    progress_.put(&before, stream_.stream);
    const int64_t burst = std::min(steps, kMostSteps);
    if (ranks_)
      descent_.loop.communicator().barrier();  // a rank that doesn't come is named here, and not waited for by GPUs
    for (int64_t step = 0; step < burst; ++step)
      check(cudaGraphLaunch(stream_.graph, stream_.stream), "cudaGraphLaunch");
    begin_to_get_state(state);
    wait_for_burst();
    Progress after{};
    progress_.get(&after);
    get_state(state);
    state.step = after.step;
    std::vector<StepRecord> records(static_cast<size_t>(kMostSteps * shape_.members));
    std::vector<double> signals(static_cast<size_t>(kMostSteps));
    records_.get(records.data());
    signals_.get(signals.data());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::vector<StepReport> reports;
    for (int64_t i = 0; i < after.taken; ++i)
      reports.push_back(report_of(records.data() + i * shape_.members, signals[static_cast<size_t>(i)],
                                  rate_N_[static_cast<size_t>(before.step + i)],
                                  seconds / static_cast<double>(after.taken)));
    return reports;
  }

  at::Tensor predict(const FitState& state) override {
    check(cudaSetDevice(device_), "cudaSetDevice");
    put_state(state);
    const Step<Real> step = step_of();
    if (shape_.hidden > 0) transpose_weights(step, stream_.stream);
    for_each_chunk([&](Chunk chunk) {
      forward(step, chunk);
      effect_and_baseline(step, chunk, prediction_.data(), stream_.stream);
    });
    stream_.wait();
    at::Tensor out = at::empty({shape_.members, shape_.regions, shape_.weeks}, c10::CppTypeToScalarType<Real>::value);
    prediction_.get(out.data_ptr<Real>());
    return out;
  }

  void take_cell_weights() override {
    const FitData& data = descent_.data;
    cell_weight_.put(numbers<Real>(data.cell_weight_ERT.narrow(2, 0, shape_.weeks)).data(), stream_.stream);
    const BaselineFactors factors = factors_of(data, shape_.weeks);
    lower_.put(factors.lower_ERT.data(), stream_.stream);
    inverse_diagonal_.put(factors.inverse_diagonal_ERT.data(), stream_.stream);
    level_weight_.put(factors.level_weight_ERT.data(), stream_.stream);
    level_denominator_.put(factors.level_denominator_ER.data(), stream_.stream);
  }

  std::string device_name() const override {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device_), "cudaGetDeviceProperties");
    return properties.name;
  }

 private:
  void put_panel() {
    const FitData& data = descent_.data;
    const int64_t T = shape_.weeks, cells = static_cast<int64_t>(shape_.members) * shape_.regions * T;
    const dcmmm::Chunk all{0, data.regions};
    media_ = on_device<Real>(data.media(all, T));
    inverse_scale_ = on_device<Real>(data.inverse_media_scale_ERC);
    controls_ = on_device<Real>(data.scaled_controls(all, T));
    patterns_ = on_device<Real>(
        temporal_patterns(descent_.model.options(), descent_.model.seasonal_period(), 0, T).to(data.type));
    target_ = on_device<Real>(data.scaled_target(all, T));
    region_weight_ = on_device<Real>(data.region_weight_ER);
    cell_weight_ = DeviceBuffer<Real>(cells);
    lower_ = DeviceBuffer<double>(cells);
    inverse_diagonal_ = DeviceBuffer<double>(cells);
    level_weight_ = DeviceBuffer<double>(cells);
    level_denominator_ = DeviceBuffer<double>(static_cast<int64_t>(shape_.members) * shape_.regions);
  }

  void put_tables() {
    const FitData& data = descent_.data;
    const ModelOptions& model = descent_.model.options();
    const TrainerOptions& options = descent_.options;
    const ParameterLayout& layout = descent_.model.layout();
    std::vector<double> data_scale, level, change, decay;
    std::vector<int> origins, signs(static_cast<size_t>(shape_.shared), 0);
    const double per_week = static_cast<double>(data.all_regions * data.channels);
    for (size_t e = 0; e < data.members.size(); ++e) {
      const auto origin = static_cast<double>(data.members[e].origin);
      data_scale.push_back(1.0 / (descent_.anchor.variance_E[e] * data.cells_E[e]));
      level.push_back(model.gru_weight / (model.gru_level_sd * model.gru_level_sd) / (origin * per_week));
      change.push_back(model.gru_weight / (model.gru_change_sd * model.gru_change_sd) / ((origin - 1) * per_week));
      origins.push_back(static_cast<int>(data.members[e].origin));
      decay.push_back(data.members[e].weight_decay);
    }
    const std::vector<int>& known = model.knowledge.control_signs;
    std::copy(known.begin(), known.end(), signs.begin() + places_of(layout).control);
    data_scale_ = DeviceBuffer<double>(data_scale);
    cells_ = DeviceBuffer<double>(data.cells_E);
    level_penalty_ = DeviceBuffer<double>(level);
    change_penalty_ = DeviceBuffer<double>(change);
    origin_ = DeviceBuffer<int>(origins);
    decay_ = DeviceBuffer<double>(decay);
    sign_ = DeviceBuffer<int>(signs);
    penalty_ = DeviceBuffer<ParameterPenalty>(penalty_table(descent_.model, data, descent_.anchor));
    shared_rate_ = DeviceBuffer<double>(learning_rates(layout, options, false));
    local_rate_ = DeviceBuffer<double>(learning_rates(layout, options, true));
    for (int64_t step = 0; step <= options.steps; ++step)
      rate_N_.push_back(options.learning_rate *
                        schedule(step, options.steps, options.warmup_steps, options.final_learning_rate));
    rate_ = DeviceBuffer<double>(rate_N_);
  }

  void make_state() {
    const int64_t E = shape_.members, EP = E * shape_.shared, ERL = E * shape_.regions * shape_.local;
    for (DeviceBuffer<Real>* buffer : {&shared_, &shared_first_, &shared_second_}) *buffer = DeviceBuffer<Real>(EP);
    for (DeviceBuffer<Real>* buffer : {&local_, &local_first_, &local_second_, &local_gradient_})
      *buffer = DeviceBuffer<Real>(ERL);
    for (size_t part = 0; part < on_way_.size(); ++part) on_way_[part] = PinnedBuffer<Real>(part < 3 ? EP : ERL);
    region_sums_ = DeviceBuffer<double>(E * shape_.regions * shape_.sums());
    total_ = DeviceBuffer<double>(EP + 4 * E + 1);
    active_ = DeviceBuffer<double>(E);
    signal_ = DeviceBuffer<double>(1);
    rate_now_ = DeviceBuffer<double>(E);
    is_bad_ = DeviceBuffer<int>(E);
    records_ = DeviceBuffer<StepRecord>(kMostSteps * E);
    signals_ = DeviceBuffer<double>(kMostSteps);
    progress_ = DeviceBuffer<Progress>(1);
    prediction_ = DeviceBuffer<Real>(E * shape_.regions * shape_.weeks);
  }

  // What a chunk's rows need between kernels; as many regions at once as there is room for.
  void make_scratch() {
    const int64_t E = shape_.members, T = shape_.weeks, C = shape_.channels, H = shape_.hidden, I = shape_.inputs;
    const int64_t columns = 3 * C + (H > 0 ? 2 * C + 6 * H + I : 0);
    size_t available = 0, all = 0;
    check(cudaMemGetInfo(&available, &all), "cudaMemGetInfo");
    const int64_t of_region = E * T * columns * static_cast<int64_t>(sizeof(Real));
    const int64_t fit_in = std::min(static_cast<int64_t>(0.8 * static_cast<double>(available)) / of_region,
                                    (std::numeric_limits<int>::max() - 128) / (E * T));  // cells are counted by ints
    const int64_t most = std::max<int64_t>(1, fit_in);
    chunk_ = std::clamp<int64_t>(shape_.regions, 1, most);
    if (descent_.options.region_chunk > 0) chunk_ = std::min(chunk_, descent_.options.region_chunk);
    const int64_t cells = E * chunk_ * T;
    for (DeviceBuffer<Real>* buffer : {&adstock_, &response_, &response_gradient_})
      *buffer = DeviceBuffer<Real>(cells * C);
    if (H == 0) return;
    for (DeviceBuffer<Real>* buffer : {&deviation_, &output_gradient_}) *buffer = DeviceBuffer<Real>(cells * C);
    states_ = DeviceBuffer<Real>((cells + 1) * H);  // after a week that isn't there, which is read and not used
    state_gradient_ = DeviceBuffer<Real>(cells * H);
    gates_ = DeviceBuffer<Real>(cells * 4 * H);
    inputs_ = DeviceBuffer<Real>(cells * I);
    input_weights_ = DeviceBuffer<Real>(E * 3 * H * I);
    hidden_weights_ = DeviceBuffer<Real>(E * 3 * H * H);
    // Enough slabs to fill the GPU, with 128 cells or more each.
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device_), "cudaGetDeviceProperties");
    const int64_t tiles = gate_tiles(shape_);
    const int64_t wanted = std::max<int64_t>(1, 4 * properties.multiProcessorCount / (tiles * E));
    slabs_ = static_cast<int>(std::clamp<int64_t>(chunk_ * T / 128, 1, wanted));
    gate_sums_ = DeviceBuffer<Real>(slabs_ * E * 4 * H * (H + I + 1));
    output_sums_ = DeviceBuffer<Real>(slabs_ * E * C * (H + 1));
    one_ = DeviceBuffer<Real>(std::vector<Real>{1});
  }

  Step<Real> step_of() const {
    const ModelOptions& model = descent_.model.options();
    return {
        shape_,
        places_of(descent_.model.layout()),
        {model.min_exponent, model.max_exponent, model.gru_scale, model.region_coefficient_sd, model.region_scale_sd},
        {media_.data(), inverse_scale_.data(), controls_.data(), patterns_.data(), target_.data(), cell_weight_.data(),
         region_weight_.data(), lower_.data(), inverse_diagonal_.data(), level_weight_.data(),
         level_denominator_.data(), data_scale_.data(), cells_.data(), level_penalty_.data(), change_penalty_.data(),
         origin_.data()},
        {adstock_.data(), response_.data(), response_gradient_.data(), deviation_.data(), output_gradient_.data(),
         states_.data() + shape_.hidden, state_gradient_.data(), gates_.data(), inputs_.data(), input_weights_.data(),
         hidden_weights_.data(), gate_sums_.data(), output_sums_.data(), one_.data()},
        shared_.data(),
        local_.data(),
        local_gradient_.data(),
        region_sums_.data(),
        total_.data(),
        signal_.data(),
        slabs_,
        descent_.options.tf32,
        has_fixed_inputs_};
  }

  Update<Real> update_of() const {
    const AdamW optimizer;
    return {shape_,
            shared_.data(),
            shared_first_.data(),
            shared_second_.data(),
            local_.data(),
            local_first_.data(),
            local_second_.data(),
            local_gradient_.data(),
            total_.data(),
            penalty_.data(),
            shared_rate_.data(),
            local_rate_.data(),
            sign_.data(),
            rate_.data(),
            active_.data(),
            decay_.data(),
            descent_.options.clip,
            optimizer.beta1,
            optimizer.beta2,
            optimizer.epsilon,
            rate_now_.data(),
            is_bad_.data(),
            records_.data(),
            signals_.data(),
            progress_.data()};
  }

  template <class Work>
  void for_each_chunk(const Work& work) const {
    for (int64_t first = 0; first < shape_.regions; first += chunk_)
      work(Chunk{static_cast<int>(first), static_cast<int>(std::min(chunk_, shape_.regions - first)), first == 0});
  }

  void forward(const Step<Real>& step, Chunk chunk) const {
    adstock_forward(step, chunk, stream_.stream);
    if (shape_.hidden == 0) return;
    input_products(step, chunk, stream_.stream);
    gru_forward(step, chunk, stream_.stream);
    deviations(step, chunk, stream_.stream);
  }

  void reduce() {
    if (ranks_) ranks_->all_reduce_sum(total_.data(), total_.size(), stream_.stream);
  }

  // NCCL's calls can't be called off, so a wait that is too long ends the job.
  void wait_for_burst() {
    if (!ranks_) return stream_.wait();
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
      const cudaError_t state = cudaStreamQuery(stream_.stream);
      if (state == cudaSuccess) return;
      if (state != cudaErrorNotReady) check(state, "A training step");
      ranks_->check();
      const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (wait_limit() > 0 && waited > wait_limit()) break;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    descent_.loop.communicator().barrier();  // names a rank that no longer answers
    end_late_job(
        text("The sum over the ranks' GPUs at ", activity(), " hasn't ended after ", std::round(wait_limit()),
             " s, though every rank answers. NCCL_DEBUG=INFO says more. The job ends here; a training run goes "
             "on from its last checkpoint with run.resume=true. If the wait was only too short, set "
             "mesh.timeout higher."));
  }

  void take_step() {
    const Step<Real> step = step_of();
    if (shape_.hidden > 0) transpose_weights(step, stream_.stream);
    for_each_chunk([&](Chunk chunk) {
      forward(step, chunk);
      effect_and_loss(step, chunk, stream_.stream);
      if (shape_.hidden > 0) {
        state_gradient(step, chunk, stream_.stream);
        gru_backward(step, chunk, stream_.stream);
        input_gradient(step, chunk, stream_.stream);
        weight_gradient(step, chunk, stream_.stream);
      }
      adstock_backward(step, chunk, stream_.stream);
    });
    collect(step, stream_.stream);
    reduce();
    const Update<Real> update = update_of();
    update_shared(update, stream_.stream);
    update_local(update, stream_.stream);
  }

  // A step that changes nothing: kernels are loaded and NCCL connects the ranks at their first use, which a graph can't
  // record.
  void warm_up() {
    // A rank without regions has no sums of slabs but those that nothing wrote.
    if (shape_.hidden > 0) {
      check(cudaMemset(gate_sums_.data(), 0, static_cast<size_t>(gate_sums_.size()) * sizeof(Real)), "cudaMemset");
      check(cudaMemset(output_sums_.data(), 0, static_cast<size_t>(output_sums_.size()) * sizeof(Real)), "cudaMemset");
    }
    const double none = 0;
    signal_.put(&none);
    const Progress halted{0, 0, 1};
    progress_.put(&halted);
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    take_step();
    wait_for_burst();                              // NCCL connects now, where it may hang, too
    has_fixed_inputs_ = chunk_ == shape_.regions;  // else every chunk has its own
  }

  // A step, recorded once and launched as often as it is taken.
  void capture() {
    check(cudaStreamBeginCapture(stream_.stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    take_step();
    cudaGraph_t recorded = nullptr;
    check(cudaStreamEndCapture(stream_.stream, &recorded), "cudaStreamEndCapture");
    const cudaError_t result = cudaGraphInstantiate(&stream_.graph, recorded, 0);
    cudaGraphDestroy(recorded);
    check(result, "cudaGraphInstantiate");
  }

  // The state's tensors beside the buffers that hold them, on the GPU and on their way.
  template <class State, class Work>
  void for_each_part(State& state, const Work& work) {
    work(state.shared_EP, shared_, on_way_[0]);
    work(state.shared_first_EP, shared_first_, on_way_[1]);
    work(state.shared_second_EP, shared_second_, on_way_[2]);
    if (shape_.regions == 0) return;
    work(state.local_ERL, local_, on_way_[3]);
    work(state.local_first_ERL, local_first_, on_way_[4]);
    work(state.local_second_ERL, local_second_, on_way_[5]);
  }

  // What has changed since the GPU had it.
  void put_state(const FitState& state) {
    for_each_part(state, [&](const at::Tensor& part, const DeviceBuffer<Real>& to, const PinnedBuffer<Real>& on_way) {
      const at::Tensor from = part.contiguous();
      if (has_state_ && std::memcmp(on_way.data(), from.template const_data_ptr<Real>(), on_way.bytes()) == 0) return;
      std::memcpy(on_way.data(), from.template const_data_ptr<Real>(), on_way.bytes());
      on_way.put(to.data(), stream_.stream);
    });
    has_state_ = true;
  }

  void begin_to_get_state(FitState& state) {
    for_each_part(state, [&](const at::Tensor&, const DeviceBuffer<Real>& from, const PinnedBuffer<Real>& on_way) {
      on_way.get(from.data(), stream_.stream);
    });
  }

  void get_state(FitState& state) {
    for_each_part(state, [](at::Tensor& to, const DeviceBuffer<Real>&, const PinnedBuffer<Real>& on_way) {
      if (to.is_contiguous())  // LibTorch's own copy wakes all threads for it
        std::memcpy(to.data_ptr<Real>(), on_way.data(), on_way.bytes());
      else
        to.copy_(at::from_blob(on_way.data(), to.sizes(), to.options()));
    });
  }

  StepReport report_of(const StepRecord* record_E, double signal, double rate, double seconds) const {
    StepReport report;
    for (int e = 0; e < shape_.members; ++e) {
      const StepRecord& record = record_E[e];
      report.data_E.push_back(record.data);
      report.deviation_E.push_back(record.deviation);
      report.region_E.push_back(record.region);
      report.penalty_E.push_back(record.penalty);
      report.loss_E.push_back(record.data + record.deviation + record.region + record.penalty);
      report.gradient_norm_E.push_back(record.gradient_norm);
    }
    report.signals = signal;
    report.learning_rate = rate;
    report.seconds.forward = seconds;  // a step is one piece of work to the host
    return report;
  }

  Descent descent_;
  Shape shape_;
  int device_;
  std::unique_ptr<DeviceCommunicator> ranks_;
  Stream stream_;  // after ranks_: NCCL's end waits for that of the graphs it is part of
  int64_t chunk_ = 1;
  int slabs_ = 1;
  bool has_fixed_inputs_ = false;
  std::vector<double> rate_N_;

  DeviceBuffer<Real> media_, inverse_scale_, controls_, patterns_, target_, cell_weight_, region_weight_;
  DeviceBuffer<double> lower_, inverse_diagonal_, level_weight_, level_denominator_;
  DeviceBuffer<double> data_scale_, cells_, level_penalty_, change_penalty_, decay_, shared_rate_, local_rate_, rate_;
  DeviceBuffer<int> origin_, sign_;
  DeviceBuffer<ParameterPenalty> penalty_;
  DeviceBuffer<Real> shared_, shared_first_, shared_second_, local_, local_first_, local_second_, local_gradient_;
  std::array<PinnedBuffer<Real>, 6> on_way_;
  bool has_state_ = false;
  DeviceBuffer<double> region_sums_, total_, active_, signal_, rate_now_, signals_;
  DeviceBuffer<int> is_bad_;
  DeviceBuffer<StepRecord> records_;
  DeviceBuffer<Progress> progress_;
  DeviceBuffer<Real> prediction_, adstock_, response_, response_gradient_, deviation_, output_gradient_, states_,
      state_gradient_, gates_, inputs_;
  DeviceBuffer<Real> input_weights_, hidden_weights_, gate_sums_, output_sums_, one_;
};

// The start of the GPU, under way or done; waited for at the program's end.
std::future<void> the_start;

void warm_up(int local_rank) {
  if (the_start.valid()) return;
  the_start = std::async(std::launch::async, [local_rank] {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return;
    if (cudaSetDevice(local_rank % devices) == cudaSuccess) cudaFree(nullptr);
  });
}

int count_devices() {
  if (the_start.valid()) the_start.wait();
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess ? devices : 0;
}

std::unique_ptr<DeviceDescent> make(const Descent& descent, int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  if (descent.options.float64) return std::make_unique<CudaDescent<double>>(descent, device);
  return std::make_unique<CudaDescent<float>>(descent, device);
}

[[maybe_unused]] const bool registered = (register_device_descent({count_devices, warm_up, make}), true);

}  // namespace
}  // namespace dcmmm::cuda
