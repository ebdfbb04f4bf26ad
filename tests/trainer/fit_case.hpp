// A prepared fit on a panel in one process, for tests.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.hpp"
#include "tests/mmm_panel.hpp"
#include "trainer/trainer.hpp"

namespace dcmmm::testing {

inline ModelOptions quick_model() {
  ModelOptions options;
  options.hidden = 6;
  return options;
}

/// Few steps, with Huber's refreshes and validations among them.
inline TrainerOptions quick_trainer(int64_t steps = 16) {
  TrainerOptions options;
  options.steps = steps;
  options.warmup_steps = 3;
  options.validate_every = 5;
  options.float64 = true;
  options.checkpoint_every = 0;
  options.checkpoint_share = 1;
  return options;
}

struct FitCase {
  std::unique_ptr<Panel> panel;  // the fit keeps a reference
  std::unique_ptr<Communicator> alone = make_local_communicator();
  std::unique_ptr<Fit> fit;

  FitCase(Panel the_panel, const ModelOptions& model, const TrainerOptions& trainer, int64_t origin,
          const std::vector<uint64_t>& seeds)
      : panel(std::make_unique<Panel>(std::move(the_panel))) {
    RegionPlan plan = plan_regions(observed_cells(*panel), 0, 1, trainer.region_chunk > 0 ? trainer.region_chunk : 64,
                                   trainer.deterministic);
    fit = prepare_fit(*panel, model, trainer, origin, seeds, std::move(plan), *alone);
  }

  /// Predictions [E, R, T] in KPI units (float64).
  at::Tensor predictions() const {
    return scaled_prediction(*fit, {0, panel->regions}, panel->weeks()).to(at::kDouble) *
           fit->data.target_scale_ER.unsqueeze(-1);
  }
};

}  // namespace dcmmm::testing
