// A model on a panel, with parameters away from their starting values, for tests. E members, R regions.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.hpp"
#include "model/mmm.hpp"
#include "tests/mmm_panel.hpp"
#include "tests/model/gradient_check.hpp"
#include "tests/model/reference_model.hpp"

namespace dcmmm::testing {

struct ModelCase {
  Panel panel;
  ModelOptions options;
  std::unique_ptr<Communicator> alone = make_local_communicator();
  RegionLoop loop;
  Mmm model;
  FitData data;
  at::Tensor shared_EP, local_ERL;
  Anchor anchor;

  ModelCase(Panel the_panel, const ModelOptions& the_options, const std::vector<Member>& members,
            at::ScalarType type = at::kDouble, int64_t chunk = 64)
      : panel(std::move(the_panel)),
        options(the_options),
        loop(plan_regions(observed_cells(panel), 0, 1, chunk, false), *alone),
        model(options, seasonal_period(panel.coordinates.step), panel.channels(), panel.controls()),
        data(make_fit_data(panel, with_settings(members, options), type, loop)) {
    shared_EP = initial_shared(model.layout(), options, data.members);
    anchor = model.closed_form(data, shared_EP, loop);
    shared_EP = (shared_EP + normal_tensor(shared_EP.sizes().vec(), 41, 0.15)).to(type);
    local_ERL = normal_tensor({data.member_count(), panel.regions, model.layout().local_count()}, 42, 0.1).to(type);
  }

  static std::vector<Member> with_settings(std::vector<Member> members, const ModelOptions& options) {
    for (Member& member : members) member = member_of(options, member.origin, member.seed);
    return members;
  }

  Chunk all() const { return {0, panel.regions}; }

  /// One member's parameters by name, for the reference.
  Values values(const at::Tensor& shared, int64_t member) const {
    Values out;
    const auto add = [&](const std::vector<ParameterSlice>& slices, const at::Tensor& buffer) {
      for (const ParameterSlice& slice : slices) {
        const at::Tensor flat = model.layout().view(buffer, slice.name)[member].to(at::kDouble).contiguous();
        out[slice.name] = {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
      }
    };
    add(model.layout().shared(), shared);
    add(model.layout().local(), local_ERL);
    return out;
  }
};

/// Few hidden units, and every penalty switched on.
inline ModelOptions small_model() {
  ModelOptions options;
  options.hidden = 5;
  options.l1_coefficients = 0.01;
  options.l1_gru_output = 0.02;
  return options;
}

}  // namespace dcmmm::testing
