// Shapes: E members of all fits, P shared parameters.
#include "trainer/train_together.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/errors.hpp"
#include "trainer/device_descent.hpp"
#include "trainer/trainer.hpp"
#include "trainer/validation.hpp"

namespace dcmmm {
namespace {

// What a step needs of fits, their members one after the other.
struct Batch {
  FitData data;
  Anchor anchor;
  FitState state;
};

template <typename Owner>
void add_rows(Owner& out, at::Tensor Owner::*rows, const std::vector<const Owner*>& owners) {
  if (!(out.*rows).defined()) return;
  std::vector<at::Tensor> parts;
  parts.reserve(owners.size());
  for (const Owner* owner : owners) parts.push_back(owner->*rows);
  out.*rows = at::cat(parts);
}

template <typename Owner, typename Item>
void add_items(Owner& out, std::vector<Item> Owner::*items, const std::vector<const Owner*>& owners) {
  std::vector<Item> all;
  for (const Owner* owner : owners) all.insert(all.end(), (owner->*items).begin(), (owner->*items).end());
  out.*items = std::move(all);
}

const Fit& longest(const std::vector<Fit*>& fits) {
  return **std::max_element(fits.begin(), fits.end(),
                            [](const Fit* a, const Fit* b) { return a->data.weeks < b->data.weeks; });
}

// Of fits with fewer weeks, those that come after them have no weight.
at::Tensor cell_weights(const std::vector<Fit*>& fits, int64_t weeks) {
  std::vector<at::Tensor> parts;
  parts.reserve(fits.size());
  for (const Fit* fit : fits)
    parts.push_back(at::constant_pad_nd(fit->data.cell_weight_ERT, {0, weeks - fit->data.weeks}));
  return at::cat(parts);
}

FitState state_of(const std::vector<Fit*>& fits) {
  std::vector<const FitState*> states;
  states.reserve(fits.size());
  for (const Fit* fit : fits) states.push_back(&fit->state);
  FitState out = *states[0];
  for (auto rows : {&FitState::shared_EP, &FitState::local_ERL, &FitState::shared_first_EP, &FitState::shared_second_EP,
                    &FitState::local_first_ERL, &FitState::local_second_ERL})
    add_rows(out, rows, states);
  // The step has one learning rate; what a fit's own differs by goes where the factors on it are.
  out.active_E.clear();
  for (const Fit* fit : fits)
    for (const double active : fit->state.active_E)
      out.active_E.push_back(active * fit->options.learning_rate / fits[0]->options.learning_rate);
  return out;
}

Batch batch_of(const std::vector<Fit*>& fits) {
  std::vector<const FitData*> data;
  std::vector<const Anchor*> anchors;
  for (const Fit* fit : fits) {
    data.push_back(&fit->data);
    anchors.push_back(&fit->anchor);
  }
  Batch out{longest(fits).data, *anchors[0], state_of(fits)};
  out.data.cell_weight_ERT = cell_weights(fits, out.data.weeks);
  for (auto rows : {&FitData::target_scale_ER, &FitData::inverse_media_scale_ERC, &FitData::control_mean_ERK,
                    &FitData::inverse_control_scale_ERK, &FitData::region_weight_ER, &FitData::stiffness_ER})
    add_rows(out.data, rows, data);
  add_items(out.data, &FitData::members, data);
  for (auto items : {&FitData::persistence_E, &FitData::cells_E, &FitData::national_target_scale_E})
    add_items(out.data, items, data);
  for (auto rows : {&Anchor::prior_center_EP, &Anchor::ridge_metric_EF, &Anchor::ridge_center_EF})
    add_rows(out.anchor, rows, anchors);
  add_items(out.anchor, &Anchor::variance_E, anchors);
  return out;
}

void take_back(const FitState& batch, int64_t first, Fit& fit) {
  const int64_t count = fit.data.member_count();
  for (auto rows : {&FitState::shared_EP, &FitState::local_ERL, &FitState::shared_first_EP, &FitState::shared_second_EP,
                    &FitState::local_first_ERL, &FitState::local_second_ERL})
    fit.state.*rows = (batch.*rows).narrow(0, first, count).clone();
  fit.state.step = batch.step;
}

bool is_done(const Fit& fit) { return fit.state.step >= fit.options.steps || !any_active(fit); }

// Fits that step as one, on the CPU or on a GPU. A GPU has them all for as long as none leaves, and forecasts for each.
class Together {
 public:
  explicit Together(const std::vector<Fit*>& fits) : fits_(fits), batch_(batch_of(fits)) {
    const Fit& first = *fits[0];
    device_ = make_device_descent({first.model, batch_.data, batch_.anchor, first.options, first.loop}, nullptr);
    if (!device_) return;
    const std::string name = device_->device_name();
    int64_t members = 0;
    for (Fit* fit : fits) {
      fit->device = std::make_unique<Share>(*this, *fit, members);
      fit->device_name = name;
      members += fit->data.member_count();
    }
  }
  Together(const Together&) = delete;
  Together& operator=(const Together&) = delete;
  ~Together() {
    for (Fit* fit : fits_) fit->device.reset();
  }

  const std::vector<Fit*>& fits() const { return fits_; }

  // After a change of the fits' states.
  void forget_forecasts() { forecast_ERT_.reset(); }

  // A few steps, until something is due between them. Returns for each fit whether all of its losses were finite; where
  // not, it stays where it was.
  std::vector<bool> run_steps() {
    const Fit& first = *fits_[0];
    batch_.state = state_of(fits_);
    if (!device_ || has_new_weights_) batch_.data.cell_weight_ERT = cell_weights(fits_, batch_.data.weeks);
    if (device_ && has_new_weights_) device_->take_cell_weights();
    has_new_weights_ = false;
    forget_forecasts();
    FitState& state = batch_.state;
    std::vector<bool> is_finite(fits_.size(), true);
    // Fits without shadows, say, have fewer dates: a stop that is another fit's changes nothing.
    int64_t steps = steps_until_due(first, state.step);
    for (const Fit* fit : fits_) steps = std::min(steps, steps_until_due(*fit, state.step));
    const int64_t end = state.step + steps;
    while (state.step < end) {
      const std::vector<StepReport> reports =
          device_ ? device_->run(state, end - state.step, 0)
                  : std::vector{train_step(first.model, batch_.data, batch_.anchor, first.options, first.loop, state)};
      for (const StepReport& report : reports) {
        int64_t e = 0;
        for (size_t i = 0; i < fits_.size(); ++i)
          for (const double active : fits_[i]->state.active_E) {
            if (active != 0 && !report.is_finite(e)) is_finite[i] = false;
            ++e;
          }
      }
    }
    int64_t e = 0;
    for (size_t i = 0; i < fits_.size(); ++i) {
      if (is_finite[i]) take_back(state, e, *fits_[i]);
      e += fits_[i]->data.member_count();
    }
    return is_finite;
  }

 private:
  // A fit's part of the GPU, for what looks at the fit between steps.
  class Share final : public DeviceDescent {
   public:
    Share(Together& all, const Fit& fit, int64_t first) : all_(all), fit_(fit), first_(first) {}
    std::vector<StepReport> run(FitState&, int64_t, double) override {
      throw std::logic_error("Fits that are trained together take no steps alone.");
    }
    at::Tensor predict(const FitState&) override {
      return all_.forecast_ERT().narrow(0, first_, fit_.data.member_count()).narrow(2, 0, fit_.data.last_origin());
    }
    void take_cell_weights() override { all_.has_new_weights_ = true; }
    std::string device_name() const override { return all_.device_->device_name(); }

   private:
    Together& all_;
    const Fit& fit_;
    int64_t first_;  // of the fit's members among all
  };

  const at::Tensor& forecast_ERT() {
    if (!forecast_ERT_.defined()) forecast_ERT_ = device_->predict(state_of(fits_));
    return forecast_ERT_;
  }

  std::vector<Fit*> fits_;
  Batch batch_;
  std::unique_ptr<DeviceDescent> device_;
  bool has_new_weights_ = false;
  at::Tensor forecast_ERT_;  // at the fits' states; made when one asks
};

}  // namespace

std::vector<std::string> train_together(const std::vector<Fit*>& fits, const std::function<bool()>& stop,
                                        const std::function<void(size_t, const std::string&)>& log) {
  std::vector<std::string> problems(fits.size());
  std::vector<size_t> going;
  std::unique_ptr<Together> together;
  const auto gather = [&] {
    std::vector<Fit*> all;
    all.reserve(going.size());
    for (const size_t i : going) all.push_back(fits[i]);
    if (together && together->fits() == all) return;
    together.reset();
    if (!all.empty()) together = std::make_unique<Together>(all);
  };
  const auto alone = [&](size_t i) {
    TrainerCallbacks callbacks;
    callbacks.log = [&](const std::string& line) { log(i, line); };
    callbacks.request = [&] { return stop() ? Request::kStop : Request::kNone; };
    try {
      train(*fits[i], callbacks);
    } catch (const NumericalError& error) {
      problems[i] = error.what();
    }
  };
  for (size_t i = 0; i < fits.size(); ++i) {
    if (!fits[i]->data.lifts.empty()) {
      alone(i);
      continue;
    }
    going.push_back(i);
  }
  gather();
  for (const size_t i : going)
    if (validates(*fits[i]) && fits[i]->state.step == 0) validate(*fits[i]);
  for (;;) {
    std::erase_if(going, [&](size_t i) {
      if (!is_done(*fits[i])) return false;
      if (validates(*fits[i])) take_best(*fits[i], [&](const std::string& line) { log(i, line); });
      return true;
    });
    if (going.empty() || stop()) return problems;
    gather();
    together->forget_forecasts();
    for (const size_t i : going) refresh_cell_weights_when_due(*fits[i]);
    const std::vector<bool> is_finite = together->run_steps();
    std::vector<size_t> next, not_finite;
    for (size_t place = 0; place < going.size(); ++place) {
      Fit& fit = *fits[going[place]];
      if (!is_finite[place]) {
        not_finite.push_back(going[place]);
        continue;
      }
      if (validation_is_due(fit, fit.state.step)) validate(fit);
      next.push_back(going[place]);
    }
    going = std::move(next);
    if (not_finite.empty()) continue;
    together.reset();  // makes room on the GPU
    for (const size_t i : not_finite) alone(i);
  }
}

bool may_go_together(const Fit& one, const Fit& other) {
  const FitData &a = one.data, &b = other.data;
  const FitData& shorter = a.weeks < b.weeks ? a : b;
  // Regions that begin later count for nothing in the shorter one.
  const at::Tensor counts_R = (shorter.region_weight_ER > 0).any(0);
  const auto differs = [&](const at::Tensor& of_a, const at::Tensor& of_b) {
    const auto common = [&](const at::Tensor& values) { return values.narrow(1, 0, shorter.weeks).index({counts_R}); };
    return !at::equal(common(of_a), common(of_b));
  };
  const ModelOptions &first = one.model.options(), &second = other.model.options();
  bool is_other = one.model.layout().shared_count() != other.model.layout().shared_count() ||
                  first.harmonics != second.harmonics || first.gru_level_sd != second.gru_level_sd ||
                  first.gru_change_sd != second.gru_change_sd;
  // What is put into a region's missing weeks may come from later ones.
  is_other = is_other || differs(a.media_RTC, b.media_RTC) || differs(a.control_RTK, b.control_RTK) ||
             differs(a.target_RT, b.target_RT) || differs(a.control_known_RT, b.control_known_RT);
  double anywhere[] = {is_other ? 1.0 : 0.0};
  one.loop.communicator().all_reduce_sum(std::span<double>(anywhere));
  return anywhere[0] == 0;
}

}  // namespace dcmmm
