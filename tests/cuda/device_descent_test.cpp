// The descent's steps on a GPU against the CPU's, whose gradients are checked against finite differences elsewhere.
// Needs a GPU: built wherever nvcc is, run by bench/gpu.sh. E members, R regions, P/L shared/local parameters.
#include "trainer/device_descent.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/trainer/fit_case.hpp"
#include "trainer/train_together.hpp"
#include "trainer/validation.hpp"

namespace dcmmm {
namespace {

using testing::FitCase;
using testing::mmm_panel;
using testing::quick_trainer;

struct Case {
  const char* name;
  int64_t regions, weeks, channels, controls, hidden;
  bool float64 = true;
  double tolerance = 1e-10;
  void (*change)(ModelOptions&) = [](ModelOptions&) {};
};

void PrintTo(const Case& the_case, std::ostream* out) { *out << the_case.name; }

TrainerOptions trainer_of(const Case& the_case) {
  TrainerOptions options = quick_trainer();
  options.float64 = the_case.float64;
  options.validation_weeks = the_case.weeks > 60 ? 8 : 5;
  return options;
}

FitCase fit_of(const Case& the_case, const TrainerOptions& trainer) {
  ModelOptions model;
  model.gru = the_case.hidden > 0;
  if (the_case.hidden > 0) model.hidden = the_case.hidden;
  the_case.change(model);
  return FitCase(mmm_panel(the_case.regions, the_case.weeks, the_case.channels, the_case.controls), model, trainer,
                 the_case.weeks - 8, {1, 2});
}

std::unique_ptr<DeviceDescent> on_gpu(Fit& fit) {
  fit.options.device = Device::kCuda;
  return make_device_descent({fit.model, fit.data, fit.anchor, fit.options, fit.loop}, nullptr);
}

StepReport on_cpu(Fit& fit) { return train_step(fit.model, fit.data, fit.anchor, fit.options, fit.loop, fit.state); }

// Largest difference, as a share of the largest value.
double distance(const at::Tensor& a, const at::Tensor& b) {
  if (b.numel() == 0) return 0;
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).item<double>();
}

class DeviceDescentTest : public ::testing::TestWithParam<Case> {};

TEST_P(DeviceDescentTest, HasTheCpusGradientsParameterByParameter) {
  TrainerOptions options = trainer_of(GetParam());
  options.clip = 1e9;  // the first moment is then a tenth of the gradient
  FitCase expected = fit_of(GetParam(), options), found = fit_of(GetParam(), options);
  const StepReport cpu = on_cpu(*expected.fit), gpu = on_gpu(*found.fit)->run(found.fit->state, 1, 0).at(0);
  const double tolerance = GetParam().tolerance;
  const FitState &a = found.fit->state, &b = expected.fit->state;
  for (const ParameterSlice& slice : found.fit->model.layout().shared())
    EXPECT_LT(distance(a.shared_first_EP.narrow(1, slice.offset, slice.count),
                       b.shared_first_EP.narrow(1, slice.offset, slice.count)),
              tolerance)
        << slice.name;
  for (const ParameterSlice& slice : found.fit->model.layout().local())
    EXPECT_LT(distance(a.local_first_ERL.narrow(2, slice.offset, slice.count),
                       b.local_first_ERL.narrow(2, slice.offset, slice.count)),
              tolerance)
        << slice.name;
  for (size_t e = 0; e < cpu.loss_E.size(); ++e) {
    const auto near = [&](double value, double reference) {
      EXPECT_NEAR(value, reference, tolerance * (1e-3 + std::abs(reference))) << "member " << e;
    };
    near(gpu.data_E[e], cpu.data_E[e]);
    near(gpu.deviation_E[e], cpu.deviation_E[e]);
    near(gpu.region_E[e], cpu.region_E[e]);
    near(gpu.penalty_E[e], cpu.penalty_E[e]);
    near(gpu.gradient_norm_E[e], cpu.gradient_norm_E[e]);
  }
  EXPECT_EQ(gpu.learning_rate, cpu.learning_rate);
}

TEST_P(DeviceDescentTest, GoesWhereTheCpuGoes) {
  const TrainerOptions options = trainer_of(GetParam());
  FitCase expected = fit_of(GetParam(), options), found = fit_of(GetParam(), options);
  const auto device = on_gpu(*found.fit);
  for (int64_t step = 0; step < 12; ++step) on_cpu(*expected.fit);
  EXPECT_EQ(device->run(found.fit->state, 12, 0).size(), 12);
  EXPECT_EQ(found.fit->state.step, 12);
  const double tolerance = 1e3 * GetParam().tolerance;  // twelve steps of Adam, whose first are signs
  EXPECT_LT(distance(found.fit->state.shared_EP, expected.fit->state.shared_EP), tolerance);
  EXPECT_LT(distance(found.fit->state.local_ERL, expected.fit->state.local_ERL), 10 * tolerance);
  const at::Tensor on_host = scaled_prediction(*found.fit, {0, found.fit->data.regions}, found.fit->data.last_origin());
  const at::Tensor usable = (found.fit->data.region_weight_ER > 0).unsqueeze(-1);
  const at::Tensor predicted = device->predict(found.fit->state);
  EXPECT_LT(distance(at::where(usable, predicted, at::ones_like(predicted)), on_host), 10 * GetParam().tolerance);
}

TEST_P(DeviceDescentTest, GivesTheSameBitsInOneBurstOrInMany) {
  const TrainerOptions options = trainer_of(GetParam());
  FitCase whole = fit_of(GetParam(), options), parts = fit_of(GetParam(), options);
  on_gpu(*whole.fit)->run(whole.fit->state, 9, 0);
  on_gpu(*parts.fit)->run(parts.fit->state, 4, 0);
  on_gpu(*parts.fit)->run(parts.fit->state, 5, 0);
  EXPECT_TRUE(at::equal(whole.fit->state.shared_EP, parts.fit->state.shared_EP));
  EXPECT_TRUE(at::equal(whole.fit->state.local_ERL, parts.fit->state.local_ERL));
  EXPECT_TRUE(at::equal(whole.fit->state.shared_second_EP, parts.fit->state.shared_second_EP));
}

TEST_P(DeviceDescentTest, DependsOnNoChunk) {
  TrainerOptions options = trainer_of(GetParam());
  options.clip = 1e9;
  FitCase whole = fit_of(GetParam(), options);
  on_gpu(*whole.fit)->run(whole.fit->state, 1, 0);
  options.region_chunk = 4;
  FitCase chunks = fit_of(GetParam(), options);
  on_gpu(*chunks.fit)->run(chunks.fit->state, 1, 0);
  const double tolerance = GetParam().float64 ? 1e-10 : 1e-4;
  EXPECT_LT(distance(chunks.fit->state.shared_first_EP, whole.fit->state.shared_first_EP), tolerance);
  EXPECT_LT(distance(chunks.fit->state.local_first_ERL, whole.fit->state.local_first_ERL), tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DeviceDescentTest,
    ::testing::Values(
        Case{"Default", 9, 44, 3, 2, 6},
        Case{"WithoutGru", 9, 44, 3, 2, 0, true, 1e-8},  // small gradients at the closed form
        Case{"WithoutControls", 7, 44, 2, 0, 5}, Case{"OneChannel", 7, 44, 1, 1, 33},
        Case{"ManyChannels", 6, 50, 150, 3, 8}, Case{"WideGru", 6, 44, 3, 2, 130},
        Case{"WithoutSeason", 9, 44, 3, 2, 6, true, 1e-10, [](ModelOptions& model) { model.harmonics = 0; }},
        Case{"Trend", 9, 44, 3, 2, 6, true, 1e-10, [](ModelOptions& model) { model.trend = true; }},
        Case{"RandomWalk", 9, 44, 3, 2, 6, true, 1e-8, [](ModelOptions& model) { model.persistence = 1; }},
        Case{"L1", 9, 44, 3, 2, 6, true, 1e-10,
             [](ModelOptions& model) {
               model.l1_coefficients = 0.01;
               model.l1_gru_output = 0.01;
             }},
        Case{"KnownSigns", 9, 44, 3, 2, 6, true, 1e-10,
             [](ModelOptions& model) {
               model.knowledge.control_signs = {1, -1};
             }},
        Case{"BoundedExponent", 9, 44, 3, 2, 6, true, 1e-10, [](ModelOptions& model) { model.max_exponent = 2.3; }},
        Case{"LongPanel", 3, 1500, 4, 1, 4}, Case{"VeryWideGru", 3, 44, 3, 2, 300},
        // One to eight rows a block, with weights in registers and without: on a GPU, and (not Big) on an emulated one.
        Case{"Float32", 40, 109, 13, 7, 32, false, 2e-4}, Case{"Float32Eight", 33, 44, 3, 2, 40, false, 2e-4},
        Case{"BigFloat32Two", 401, 50, 4, 2, 20, false, 2e-4}, Case{"BigFloat32Four", 1201, 60, 4, 2, 32, false, 2e-4},
        Case{"BigFloat32Eight", 1501, 44, 3, 2, 40, false, 2e-4}, Case{"BigFloat64Two", 401, 44, 3, 2, 6},
        Case{"BigFloat64Four", 701, 44, 3, 2, 6}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DeviceDescent, AMemberThatIsNotFiniteEndsTheBurstAndStaysAsItIs) {
  const Case the_case{"", 9, 44, 3, 2, 6};
  FitCase fit = fit_of(the_case, trainer_of(the_case));
  const auto device = on_gpu(*fit.fit);
  FitState& state = fit.fit->state;
  state.local_ERL[1][2][0] = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor before = state.shared_EP.clone();
  const auto reports = device->run(state, 5, 0);
  ASSERT_EQ(reports.size(), 1);
  EXPECT_EQ(state.step, 1);
  EXPECT_TRUE(reports[0].is_finite(0));
  EXPECT_FALSE(reports[0].is_finite(1));
  EXPECT_TRUE(at::equal(state.shared_EP[1], before[1]));
  EXPECT_FALSE(at::equal(state.shared_EP[0], before[0]));
  // A frozen one doesn't end it.
  state.active_E[1] = 0;
  EXPECT_EQ(device->run(state, 5, 0).size(), 5);
}

TEST(DeviceDescent, ATrainedFitIsTheCpus) {
  const Case the_case{"", 12, 70, 3, 2, 8};
  TrainerOptions options = trainer_of(the_case);
  options.steps = 40;
  FitCase expected = fit_of(the_case, options), found = fit_of(the_case, options);
  expected.fit->options.device = Device::kCpu;
  found.fit->options.device = Device::kCuda;
  std::vector<std::string> lines;
  TrainerCallbacks callbacks;
  callbacks.log = [&](const std::string& line) { lines.push_back(line); };
  EXPECT_EQ(train(*expected.fit, {}), Outcome::kDone);
  EXPECT_EQ(train(*found.fit, callbacks), Outcome::kDone);
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines[0].find("GPU"), std::string::npos) << lines[0];
  EXPECT_LT(distance(found.fit->state.shared_EP, expected.fit->state.shared_EP), 1e-6);
  EXPECT_LT(distance(found.fit->data.cell_weight_ERT, expected.fit->data.cell_weight_ERT), 1e-6);
  ASSERT_EQ(found.fit->history.size(), 40);
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(found.fit->history[i].step, expected.fit->history[i].step);
    EXPECT_NEAR(found.fit->history[i].loss, expected.fit->history[i].loss, 1e-7 * expected.fit->history[i].loss);
    EXPECT_EQ(std::isnan(found.fit->history[i].validation_rmse), std::isnan(expected.fit->history[i].validation_rmse));
  }
  EXPECT_EQ(found.fit->stopping.best_step_E, expected.fit->stopping.best_step_E);
}

TEST(DeviceDescent, FitsTrainedTogetherAreTheCpus) {
  const Case the_case{"", 7, 44, 3, 2, 5};
  const auto train_all = [&](Device device, std::vector<FitCase>& cases) {
    std::vector<Fit*> fits;
    for (const double rate : {0.02, 0.03, 1e6}) {  // the last one's loss is soon not finite
      TrainerOptions options = trainer_of(the_case);
      options.learning_rate = rate;
      options.weight_decay = rate / 2;
      options.device = device;
      cases.push_back(fit_of(the_case, options));
    }
    for (const FitCase& of : cases) fits.push_back(of.fit.get());
    return train_together(
        fits, [] { return false; }, [](size_t, const std::string&) {});
  };
  std::vector<FitCase> expected, found;
  const auto problems = train_all(Device::kCpu, expected);
  EXPECT_EQ(train_all(Device::kCuda, found).size(), problems.size());
  for (size_t i = 0; i < 2; ++i) {
    const Fit &gpu = *found[i].fit, &cpu = *expected[i].fit;
    EXPECT_EQ(gpu.state.step, cpu.state.step);
    EXPECT_LT(distance(gpu.state.shared_EP, cpu.state.shared_EP), 1e-6);
    EXPECT_LT(distance(gpu.data.cell_weight_ERT, cpu.data.cell_weight_ERT), 1e-6);
    ASSERT_EQ(gpu.stopping.best_rmse_E.size(), cpu.stopping.best_rmse_E.size());
    for (size_t m = 0; m < cpu.stopping.best_rmse_E.size(); ++m)
      EXPECT_NEAR(gpu.stopping.best_rmse_E[m], cpu.stopping.best_rmse_E[m], 1e-6 * cpu.stopping.best_rmse_E[m]);
    EXPECT_EQ(gpu.device, nullptr);
  }
}

// Products with 11 bits are off by what those leave out, and by no more.
TEST(DeviceDescent, Tf32IsNearFloat32) {
  const Case the_case{"", 9, 60, 5, 3, 32, false};
  TrainerOptions options = trainer_of(the_case);
  options.clip = 1e9;
  const auto gradients = [&](bool tf32) {
    options.tf32 = tf32;
    FitCase found = fit_of(the_case, options);
    on_gpu(*found.fit)->run(found.fit->state, 1, 0);
    return found.fit->state.shared_first_EP;
  };
  const double off = distance(gradients(true), gradients(false));
  EXPECT_GT(off, 1e-5);
  EXPECT_LT(off, 2e-3);
}

TEST(DeviceDescent, SaysWhatItDoesNotCover) {
  const Case the_case{"", 5, 44, 3, 2, 4};
  FitCase fit = fit_of(the_case, trainer_of(the_case));
  fit.fit->options.deterministic = true;
  EXPECT_THROW(on_gpu(*fit.fit), std::exception);
  fit.fit->options.device = Device::kAuto;
  EXPECT_EQ(
      make_device_descent({fit.fit->model, fit.fit->data, fit.fit->anchor, fit.fit->options, fit.fit->loop}, nullptr),
      nullptr);
}

}  // namespace
}  // namespace dcmmm
