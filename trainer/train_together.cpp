// Shapes: E members of all fits, P shared parameters.
#include "trainer/train_together.hpp"

#include <algorithm>

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

Batch batch_of(const std::vector<Fit*>& fits) {
  std::vector<const FitData*> data;
  std::vector<const Anchor*> anchors;
  std::vector<const FitState*> states;
  for (const Fit* fit : fits) {
    data.push_back(&fit->data);
    anchors.push_back(&fit->anchor);
    states.push_back(&fit->state);
  }
  Batch out{longest(fits).data, *anchors[0], *states[0]};
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
  for (auto rows : {&FitState::shared_EP, &FitState::local_ERL, &FitState::shared_first_EP, &FitState::shared_second_EP,
                    &FitState::local_first_ERL, &FitState::local_second_ERL})
    add_rows(out.state, rows, states);
  // The step has one learning rate; what a fit's own differs by goes where the factors on it are.
  out.state.active_E.clear();
  for (const Fit* fit : fits)
    for (const double active : fit->state.active_E)
      out.state.active_E.push_back(active * fit->options.learning_rate / fits[0]->options.learning_rate);
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

// A few steps, until something is due between them. Returns for each fit whether all of its losses were finite; where
// not, it stays where it was.
std::vector<bool> run_steps(const std::vector<Fit*>& fits) {
  const Fit& first = *fits[0];
  Batch batch = batch_of(fits);
  std::vector<bool> is_finite(fits.size(), true);
  // A GPU's buffers and graph are made anew: tens of milliseconds, as against one step of so many fits on a processor.
  const auto device = make_device_descent({first.model, batch.data, batch.anchor, first.options, first.loop}, nullptr);
  const int64_t end = batch.state.step + steps_until_due(first, batch.state.step);
  while (batch.state.step < end) {
    const std::vector<StepReport> reports =
        device ? device->run(batch.state, end - batch.state.step, 0)
               : std::vector{train_step(first.model, batch.data, batch.anchor, first.options, first.loop, batch.state)};
    for (const StepReport& report : reports) {
      int64_t e = 0;
      for (size_t i = 0; i < fits.size(); ++i)
        for (const double active : fits[i]->state.active_E) {
          if (active != 0 && !report.is_finite(e)) is_finite[i] = false;
          ++e;
        }
    }
  }
  int64_t e = 0;
  for (size_t i = 0; i < fits.size(); ++i) {
    if (is_finite[i]) take_back(batch.state, e, *fits[i]);
    e += fits[i]->data.member_count();
  }
  return is_finite;
}

}  // namespace

std::vector<std::string> train_together(const std::vector<Fit*>& fits, const std::function<bool()>& stop,
                                        const std::function<void(size_t, const std::string&)>& log) {
  std::vector<std::string> problems(fits.size());
  std::vector<size_t> going;
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
    if (validates(*fits[i]) && fits[i]->state.step == 0) validate(*fits[i]);
    going.push_back(i);
  }
  for (;;) {
    std::erase_if(going, [&](size_t i) {
      if (!is_done(*fits[i])) return false;
      if (validates(*fits[i])) take_best(*fits[i], [&](const std::string& line) { log(i, line); });
      return true;
    });
    if (going.empty() || stop()) return problems;
    std::vector<Fit*> together;
    for (const size_t i : going) {
      if (huber_is_due(fits[i]->state.step, fits[i]->options.steps)) refresh_cell_weights(*fits[i]);
      together.push_back(fits[i]);
    }
    const std::vector<bool> is_finite = run_steps(together);
    std::vector<size_t> next;
    for (size_t place = 0; place < going.size(); ++place) {
      Fit& fit = *together[place];
      if (!is_finite[place]) {
        alone(going[place]);
        continue;
      }
      if (validation_is_due(fit, fit.state.step)) validate(fit);
      next.push_back(going[place]);
    }
    going = std::move(next);
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
