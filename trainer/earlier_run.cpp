#include "trainer/earlier_run.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "common/counted.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "trainer/checkpoint_tensors.hpp"

namespace dcmmm {
namespace {

constexpr const char* kElse = " Train without run.init, or on a panel that continues the earlier one.";

// Names in `from` that `in` lacks.
std::vector<std::string> missing(const std::vector<std::string>& from, const std::vector<std::string>& in) {
  std::vector<std::string> out;
  for (const std::string& name : from)
    if (std::find(in.begin(), in.end(), name) == in.end()) out.push_back(name);
  return out;
}

void check_same_names(const char* kind, const std::vector<std::string>& earlier,
                      const std::vector<std::string>& panel) {
  if (earlier == panel) return;
  const std::vector<std::string> gone = missing(earlier, panel), added = missing(panel, earlier);
  std::string difference;
  if (!gone.empty()) difference += text(" It lacks ", join(gone), ".");
  if (!added.empty()) difference += text(" It adds ", join(added), ".");
  if (difference.empty()) difference = text(" Their order is ", join(panel), "; it was ", join(earlier), ".");
  throw UserError(text("The panel has other ", kind, "s than the run of run.init.", difference, kElse));
}

[[noreturn]] void throw_other_model(const std::string& name, const at::Tensor& saved, const at::Tensor& wanted) {
  throw UserError(text("The run of run.init is of another model: its '", name, "' has shape ", saved.sizes(),
                       " and this run needs ", wanted.sizes(),
                       ". Leave model.* out of the command line: the earlier run's settings are taken over."));
}

}  // namespace

EarlierRun read_earlier_run(const std::filesystem::path& checkpoint, const Panel& panel, int64_t origin) {
  EarlierRun out;
  const Checkpoint names = read_checkpoint(checkpoint, 0, 0);
  const PanelCoordinates& coordinates = panel.coordinates;
  check_same_names("channel", names.labels.at("channel"), coordinates.channels);
  check_same_names("control", names.labels.at("control"), coordinates.controls);
  const std::vector<std::string>& weeks = names.labels.at("week");
  if (weeks.front() != coordinates.weeks.front() ||
      names.notes.at("time_step") != std::to_string(static_cast<int>(coordinates.step)))
    throw UserError(text("The panel begins with week ", coordinates.weeks.front(), ", that of run.init with ",
                         weeks.front(), ": expected the same first week and the same distance between weeks.", kElse));
  out.weeks = static_cast<int64_t>(weeks.size());
  out.origin = to_integers(tensor_of(names, "member.origin"))[0];
  if (const auto offset = names.notes.find("size_offset"); offset != names.notes.end())
    out.size_offset = std::stod(offset->second);
  if (out.origin > origin)
    throw UserError(text("The run of run.init was trained on the first ", out.origin,
                         " weeks, but this run holds out all weeks after the first ", origin,
                         ": they wouldn't be unseen. Lower data.holdout_weeks, or train without run.init."));

  std::map<std::string, int64_t> place;
  for (const std::string& region : names.labels.at("region")) place.emplace(region, static_cast<int64_t>(place.size()));
  for (const std::string& region : coordinates.regions) out.new_regions += place.count(region) == 0 ? 1 : 0;
  int64_t first = static_cast<int64_t>(place.size()), end = 0;
  for (int64_t r = 0; r < panel.regions; ++r) {
    const auto found = place.find(coordinates.regions[static_cast<size_t>(panel.first_region + r)]);
    out.row_R.push_back(found == place.end() ? -1 : found->second);
    if (found == place.end()) continue;
    first = std::min(first, found->second);
    end = std::max(end, found->second + 1);
  }
  first = std::min(first, end);  // none of this rank's regions is known
  for (int64_t& row : out.row_R)
    if (row >= 0) row -= first;
  out.checkpoint = read_checkpoint(checkpoint, first, end - first);
  return out;
}

void start_from(const EarlierRun& earlier, Fit& fit) {
  const at::NoGradGuard no_gradient;
  const ParameterLayout& layout = fit.model.layout();
  const int64_t fitted = std::stoll(earlier.checkpoint.notes.at("fitted_members"));
  // Axes before the parameter's own: the member, and the region of a local one.
  const auto saved_of = [&](const ParameterSlice& slice, size_t axes, const at::Tensor& target) {
    at::Tensor saved = tensor_of(earlier.checkpoint, "parameter." + slice.name);
    if (static_cast<size_t>(saved.dim()) != axes + slice.shape.size() || saved.sizes().slice(axes) != slice.shape)
      throw_other_model(slice.name, saved, target);
    return saved;
  };
  for (const ParameterSlice& slice : layout.shared()) {
    const at::Tensor target = layout.view(fit.state.shared_EP, slice.name), saved = saved_of(slice, 1, target);
    for (int64_t m = 0; m < fit.members; ++m) target[m].copy_(saved[m < fitted ? m : 0]);
  }
  // Coefficients start as far from the new weeks' closed form as the earlier descent took them from its own: where the
  // closed form has moved, the way there is too long for a few steps in logs, and from zero there is no slope.
  const at::Tensor coefficient_EC = layout.view(fit.state.shared_EP, "coefficient.log_mean"),
                   closed_EC = layout.view(fit.anchor.prior_center_EP, "coefficient.log_mean"),
                   earlier_EC =
                       layout.view(tensor_of(earlier.checkpoint, "anchor.prior_center"), "coefficient.log_mean");
  for (int64_t m = 0; m < fit.members; ++m) coefficient_EC[m].add_(closed_EC[m] - earlier_EC[m < fitted ? m : 0]);
  for (const ParameterSlice& slice : layout.local()) {
    const at::Tensor target = layout.view(fit.state.local_ERL, slice.name), saved = saved_of(slice, 2, target);
    for (int64_t m = 0; m < fit.members; ++m)
      for (size_t r = 0; r < earlier.row_R.size(); ++r)
        if (earlier.row_R[r] >= 0)
          target[m][static_cast<int64_t>(r)].copy_(saved[m < fitted ? m : 0][earlier.row_R[r]]);
  }
  fit.model.refresh_cell_weights(
      fit.data, fit.model.residuals(fit.data, fit.state.shared_EP, fit.state.local_ERL, fit.loop), fit.loop);
}

LikelihoodStart likelihood_start(const EarlierRun& earlier, int64_t weeks) {
  const Checkpoint& checkpoint = earlier.checkpoint;
  if (!earlier.is_likelihood())
    throw UserError(
        "The run of run.init was estimated by descent, this one by the likelihood. Leave model.estimator out of the "
        "command line: the earlier run's is taken over.");
  const std::vector<double> components = to_reals(tensor_of(checkpoint, "likelihood.components"));
  std::vector<std::string> known;
  for (const ComponentSpec& spec : component_specs()) known.emplace_back(spec.name);
  if (checkpoint.labels.at("component") != known)
    throw UserError("The run of run.init has other variance components: another version wrote it. Train without.");
  LikelihoodStart out;
  if (const auto unit = checkpoint.notes.find("media_unit"); unit != checkpoint.notes.end())
    out.media_unit = media_unit(unit->second);
  out.size_offset = earlier.size_offset;
  std::copy(components.begin(), components.end(), out.components.begin());

  const auto first_member = [&](const std::string& name) { return tensor_of(checkpoint, "parameter." + name)[0]; };
  const std::vector<double> coordinates =
      to_reals(at::cat({first_member("adstock.decay_logit"), first_member("hill.exponent_raw"),
                        first_member("hill.log_half_saturation")}));
  const std::vector<double> shares = to_reals(tensor_of(checkpoint, "likelihood.share"));
  out.shape_coordinates =
      Eigen::Map<const Eigen::VectorXd>(coordinates.data(), static_cast<Eigen::Index>(coordinates.size()));
  if (has_array(checkpoint, "parameter.adstock.peak_logit"))
    out.peak_coordinates = to_reals(first_member("adstock.peak_logit"));
  out.shares = Eigen::Map<const Eigen::VectorXd>(shares.data(), static_cast<Eigen::Index>(shares.size()));

  const std::vector<double> scales = to_reals(tensor_of(checkpoint, "likelihood.error_scale"));
  const std::vector<double> weights = to_reals(tensor_of(checkpoint, "weight.cell")[0].contiguous());
  out.error_scale_R.assign(earlier.row_R.size(), 1.0);
  out.weight_RT.assign(earlier.row_R.size() * static_cast<size_t>(weeks), 1.0);
  for (size_t r = 0; r < earlier.row_R.size(); ++r) {
    if (earlier.row_R[r] < 0) continue;
    const auto row = static_cast<size_t>(earlier.row_R[r]);
    out.error_scale_R[r] = scales[row];
    for (int64_t t = 0; t < std::min(earlier.origin, weeks); ++t)
      if (const double weight = weights[row * static_cast<size_t>(earlier.weeks) + static_cast<size_t>(t)]; weight > 0)
        out.weight_RT[r * static_cast<size_t>(weeks) + static_cast<size_t>(t)] = weight;
  }
  return out;
}

std::string describe(const EarlierRun& earlier, const Panel& panel) {
  const int64_t more = panel.weeks() - earlier.weeks;
  return text(counted(earlier.weeks, "weeks"), ", trained on the first ", earlier.origin, "; ",
              counted(more, "more weeks"), " now, ", counted(earlier.new_regions, "new regions"));
}

}  // namespace dcmmm
