// What closed-form fits would forecast at earlier origins, as quadratic forms: one pass over the panel serves every
// setting of a ladder. Shapes: O inner origins, B baselines, P size powers, W waves, G columns (C media responses, K
// controls, S patterns, C x W responses times waves, the target last).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/panel.hpp"
#include "model/options.hpp"
#include "model/region_loop.hpp"

namespace dcmmm {

/// How a region's baseline may move (kernels/baseline.hpp).
struct BaselineSetting {
  double stiffness = 0, persistence = 0;
  bool operator==(const BaselineSetting&) const = default;
};

/// Origins inside the training weeks and what lies ahead of each: 8 weeks (fewer on short panels).
struct LadderOrigins {
  std::vector<int64_t> origin_O;
  int64_t horizon = 0;
};

/// One, two, three (and four, where 60 weeks lie before it) horizons before `origin`, as far as at least half of the
/// training weeks, and 20, stay; none when the panel is too short for two.
LadderOrigins ladder_origins(int64_t origin);

/// The forms of one origin and baseline. With theta the effects of the first G - 1 columns and v = (-theta, 1):
/// v'gram v is the weighted sum of squares that the fit minimises (the baseline profiled out), v'error v the sum of
/// squared forecast errors over the observed cells of the horizon, in squared target units.
struct OriginForms {
  std::vector<std::vector<double>> gram_PGG;  // a matrix a size power; region weights have mean 1 over cells
  std::vector<double> error_GG;
};

struct InnerForms {
  LadderOrigins origins;
  int64_t channels = 0, controls = 0, columns = 0;
  int64_t events = 0;                                    // the last of the controls
  int64_t waves = 0;                                     // of each channel
  std::vector<std::vector<double>> level_OW, change_OW;  // mean square of a wave, and of its weekly changes
  std::vector<double> cells_O, ahead_O;                  // observed cells that train, and that are forecast
  std::vector<std::vector<OriginForms>> forms;           // [O][B]
};

/// The forms for every baseline and size power, with curves at the options' starting values and the patterns of
/// `options` (its harmonics are the most that can be asked for). Scales are those of each origin's own training weeks.
/// `with_waves`: the slow waves of likelihood/drift.hpp, as far as all origins have them. Collective.
InnerForms make_inner_forms(const Panel& panel, const ModelOptions& options, int64_t origin,
                            std::span<const BaselineSetting> baselines, std::span<const double> size_powers,
                            const RegionLoop& loop, bool with_waves = false);

}  // namespace dcmmm
