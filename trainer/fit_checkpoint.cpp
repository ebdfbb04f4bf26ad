#include "trainer/fit_checkpoint.hpp"

#include <algorithm>
#include <cmath>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "model/missing_media.hpp"
#include "trainer/checkpoint_tensors.hpp"

// E members (shadows included), R regions, P shared and L local parameters a member.
namespace dcmmm {
namespace {

NamedArray named(const std::string& name, std::vector<std::string> dimensions, const at::Tensor& tensor) {
  NamedArray array{name, std::move(dimensions), tensor.sizes().vec(), {}};
  const at::Tensor flat = tensor.detach().cpu().contiguous();
  const auto copy = [&]<class Element>(const Element* from) {
    array.values = std::vector<Element>(from, from + flat.numel());
  };
  if (flat.scalar_type() == at::kFloat)
    copy(flat.const_data_ptr<float>());
  else if (flat.scalar_type() == at::kDouble)
    copy(flat.const_data_ptr<double>());
  else
    copy(flat.const_data_ptr<int64_t>());
  return array;
}

at::Tensor reals(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }
at::Tensor integers(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

std::vector<std::string> with_front(std::vector<std::string> front, const std::vector<std::string>& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

// Column order of history.csv's rows in the checkpoint.
constexpr int64_t kHistoryColumns = 11;

at::Tensor history_tensor(const std::vector<HistoryRow>& history) {
  at::Tensor rows = at::zeros({static_cast<int64_t>(history.size()), kHistoryColumns}, at::kDouble);
  auto value = rows.accessor<double, 2>();
  for (size_t i = 0; i < history.size(); ++i) {
    const HistoryRow& row = history[i];
    const double fields[] = {static_cast<double>(row.step),
                             row.loss,
                             row.data,
                             row.deviation,
                             row.region,
                             row.penalty,
                             row.learning_rate,
                             row.gradient_norm,
                             row.validation_rmse,
                             row.seconds,
                             row.graph};
    for (int64_t k = 0; k < kHistoryColumns; ++k) value[static_cast<int64_t>(i)][k] = fields[k];
  }
  return rows;
}

std::vector<HistoryRow> history_of(const at::Tensor& rows) {
  std::vector<HistoryRow> history;
  const auto value = rows.accessor<double, 2>();
  for (int64_t i = 0; i < rows.size(0); ++i)
    history.push_back({static_cast<int64_t>(value[i][0]), value[i][1], value[i][2], value[i][3], value[i][4],
                       value[i][5], value[i][6], value[i][7], value[i][8], value[i][9],
                       rows.size(1) > 10 ? value[i][10] : 0.0});
  return history;
}

}  // namespace

static std::vector<NamedArray> interval_arrays(const ForecastIntervals& intervals, int64_t first_region,
                                               int64_t regions) {
  const auto G = static_cast<int64_t>(intervals.group_end_G.size()), L = static_cast<int64_t>(intervals.level_L.size());
  const at::Tensor scale_R = reals(intervals.scale_R).narrow(0, first_region, regions);
  return {
      named("interval.group_end", {"interval_group"}, integers(intervals.group_end_G)),
      named("interval.level", {"interval_level"}, reals(intervals.level_L)),
      named("interval.quantile", {"interval_group", "interval_level"}, reals(intervals.quantile_GL).view({G, L})),
      named("interval.national", {"interval_national"}, reals({intervals.national_factor, intervals.national_degrees})),
      named("interval.scale", {"region"}, scale_R)};
}

static ForecastIntervals intervals_of(const Checkpoint& checkpoint) {
  const auto numbers = [&](const char* name) { return to_reals(tensor_of(checkpoint, name)); };
  const std::vector<double> national = numbers("interval.national");
  return {to_integers(tensor_of(checkpoint, "interval.group_end")),
          numbers("interval.level"),
          numbers("interval.quantile"),
          national[0],
          national[1],
          numbers("interval.scale")};
}

Checkpoint make_checkpoint(const Fit& fit, const std::string& config, const std::string& panel_checksum) {
  const ParameterLayout& layout = fit.model.layout();
  const FitData& data = fit.data;
  Checkpoint out;
  out.step = fit.state.step;
  out.config = config;
  out.panel_checksum = panel_checksum;
  const PanelCoordinates& names = fit.panel.coordinates;
  out.labels = {
      {"region", names.regions}, {"channel", names.channels}, {"control", names.controls}, {"week", names.weeks}};
  out.first_region = fit.loop.plan().first_region;
  const auto add = [&](const std::string& name, std::vector<std::string> dimensions, const at::Tensor& tensor) {
    out.arrays.push_back(named(name, std::move(dimensions), tensor));
  };

  for (const ParameterSlice& slice : layout.shared())
    add("parameter." + slice.name, with_front({"member"}, slice.dimensions),
        layout.view(fit.state.shared_EP, slice.name));
  for (const ParameterSlice& slice : layout.local())
    add("parameter." + slice.name, with_front({"member", "region"}, slice.dimensions),
        layout.view(fit.state.local_ERL, slice.name));
  add("optimizer.shared_first", {"member", "shared_parameter"}, fit.state.shared_first_EP);
  add("optimizer.shared_second", {"member", "shared_parameter"}, fit.state.shared_second_EP);
  add("optimizer.local_first", {"member", "region", "local_parameter"}, fit.state.local_first_ERL);
  add("optimizer.local_second", {"member", "region", "local_parameter"}, fit.state.local_second_ERL);

  add("anchor.prior_center", {"member", "shared_parameter"}, fit.anchor.prior_center_EP);
  add("anchor.ridge_metric", {"member", "linear_term"}, fit.anchor.ridge_metric_EF);
  add("anchor.ridge_center", {"member", "linear_term"}, fit.anchor.ridge_center_EF);
  add("anchor.variance", {"member"}, reals(fit.anchor.variance_E));

  // Random numbers are a function of (seed, parameter), so the seeds are the whole random state.
  std::vector<int64_t> origins, seeds;
  for (const Member& member : data.members) {
    origins.push_back(member.origin);
    seeds.push_back(static_cast<int64_t>(member.seed));
  }
  add("member.origin", {"member"}, integers(origins));
  add("member.seed", {"member"}, integers(seeds));
  add("member.active", {"member"}, reals(fit.state.active_E));
  add("scale.target", {"member", "region"}, data.target_scale_ER);
  add("scale.media_inverse", {"member", "region", "channel"}, data.inverse_media_scale_ERC);
  add("scale.control_mean", {"member", "region", "control"}, data.control_mean_ERK);
  add("scale.control_inverse", {"member", "region", "control"}, data.inverse_control_scale_ERK);
  add("weight.region", {"member", "region"}, data.region_weight_ER);
  add("weight.cell", {"member", "region", "week"}, data.cell_weight_ERT);
  add("baseline.stiffness", {"member", "region"}, data.stiffness_ER);
  add("baseline.persistence", {"member"}, reals(data.persistence_E));
  if (data.national_EN.defined()) add("national.level", {"member", "level_week"}, data.national_EN);
  if (data.drift_ENC.defined()) add("coefficient.drift", {"member", "level_week", "channel"}, data.drift_ENC);
  if (fit.likelihood) {
    const LikelihoodFit& likelihood = *fit.likelihood;
    const Eigen::VectorXd share_C = likelihood.members[0].mode.linear.head(data.channels);
    for (const ComponentSpec& spec : component_specs()) out.labels["component"].emplace_back(spec.name);
    add("likelihood.components", {"component"},
        reals({likelihood.estimate.components.value.begin(), likelihood.estimate.components.value.end()}));
    add("likelihood.share", {"channel"}, reals({share_C.begin(), share_C.end()}));
    add("likelihood.error_scale", {"region"}, reals(likelihood.data.error_scale_R));
  }
  const int64_t recent = std::min(kWeeksBefore, data.weeks);
  // So that a region of zeros can be told from one without a past.
  const int64_t origin = data.members[0].origin;
  std::vector<int64_t> cells;
  for (int64_t r = 0; r < data.regions; ++r) {
    const auto observed = fit.panel.observed_RT.begin() + r * data.weeks;
    cells.push_back(std::count(observed, observed + origin, 1));
  }
  add("training.cells", {"region"}, integers(cells));
  at::Tensor media_RNC = at::empty({data.regions, recent, data.channels}, at::kDouble),
             control_RK = at::empty({data.regions, data.controls}, at::kDouble);
  fit.loop.each([&](Chunk chunk) {  // a large panel's, too, chunk by chunk
    const auto of_chunk = [&](const at::Tensor& all) { return all.narrow(0, chunk.first, chunk.count); };
    of_chunk(media_RNC).copy_(of_chunk(data.media_RTC).narrow(1, data.weeks - recent, recent));
    of_chunk(control_RK).copy_(of_chunk(data.control_RTK).select(1, data.weeks - 1));
  });
  add("media.recent", {"region", "recent_week", "channel"}, media_RNC);
  add("control.last", {"region", "control"}, control_RK);

  const TimeState state = time_state(fit);
  add("state.adstock", {"member", "region", "channel"}, state.adstock_ERC);
  if (state.media_ERLC.defined())
    add("state.media", {"member", "region", "earlier_week", "delayed_channel"}, state.media_ERLC);
  if (state.gru_ERH.defined()) add("state.gru", {"member", "region", "gru_hidden"}, state.gru_ERH);
  add("state.baseline", {"member", "region"}, state.baseline_ER);
  add("state.level", {"member", "region"}, state.level_ER);

  if (fit.intervals)
    for (NamedArray& array : interval_arrays(*fit.intervals, out.first_region, data.regions))
      out.arrays.push_back(std::move(array));

  if (fit.has_shadows()) {
    add("stopping.best_rmse", {"shadow"}, reals(fit.stopping.best_rmse_E));
    add("stopping.best_step", {"shadow"}, integers(fit.stopping.best_step_E));
    add("stopping.worse", {"shadow"}, integers(fit.stopping.worse_E));
    add("stopping.best_shared", {"member", "shared_parameter"}, fit.stopping.best_shared_EP);
    add("stopping.best_local", {"member", "region", "local_parameter"}, fit.stopping.best_local_ERL);
  }
  add("history", {"done_step", "history_column"}, history_tensor(fit.history));
  out.notes["fitted_members"] = std::to_string(fit.members);
  out.notes["media_unit"] = name_of(fit.model.options().media_unit);
  out.notes["size_offset"] = shortest(fit.model.options().size_offset);
  out.notes["weeks"] = std::to_string(data.weeks);
  out.notes["time_step"] = std::to_string(static_cast<int>(names.step));
  out.notes["region_column"] = names.region_column;
  out.notes["time_column"] = names.time_column;
  out.notes["channel_columns"] = join(names.channel_columns, "\n");
  out.notes["control_columns"] = join(names.control_columns, "\n");
  out.notes["seasonal_period"] = shortest(fit.model.seasonal_period());
  return out;
}

static void restore_into(const Checkpoint& checkpoint, const std::string& name, const at::Tensor& target) {
  if (!has_array(checkpoint, name)) {
    throw UserError(text("The checkpoint doesn't fit this run: it has no '", name,
                         "'. Resume with the settings that wrote it (model.gru.enabled, trainer.validation_weeks)."));
  }
  const at::Tensor saved = tensor_of(checkpoint, name);
  if (saved.sizes() != target.sizes() || saved.scalar_type() != target.scalar_type()) {
    throw UserError(text(
        "The checkpoint doesn't fit this run: '", name, "' is ", saved.scalar_type(), " of shape ", saved.sizes(),
        " and this run needs ", target.scalar_type(), " of ", target.sizes(),
        ". Resume with the settings that wrote it (model, precision, ensemble.members, trainer.validation_weeks)."));
  }
  target.copy_(saved);
}

// Weeks that it has seen can't be held out now, and other seeds are another fit.
static void check_members(const Checkpoint& checkpoint, const FitData& data) {
  const at::Tensor origin = tensor_of(checkpoint, "member.origin"), seed = tensor_of(checkpoint, "member.seed");
  if (origin.numel() != std::ssize(data.members)) return;  // the arrays' shapes say more
  for (int64_t e = 0; e < origin.numel(); ++e) {
    const Member& member = data.members[static_cast<size_t>(e)];
    if (origin[e].item<int64_t>() != member.origin)
      throw UserError(text("The checkpoint doesn't fit this run: it was trained on ", origin[e].item<int64_t>(),
                           " weeks, and this run trains on ", member.origin,
                           ". Resume with the data.holdout_weeks and trainer.validation_weeks that wrote it, or "
                           "choose another run.dir."));
    if (seed[e].item<int64_t>() != static_cast<int64_t>(member.seed))
      throw UserError(text("The checkpoint doesn't fit this run: its seed is ", seed[e].item<int64_t>(),
                           ", and this run's ", member.seed,
                           ". Resume with the run.seed that wrote it, or choose another run.dir."));
  }
}

void restore_fit(const Checkpoint& checkpoint, Fit& fit) {
  check_members(checkpoint, fit.data);
  const ParameterLayout& layout = fit.model.layout();
  for (const ParameterSlice& slice : layout.shared())
    restore_into(checkpoint, "parameter." + slice.name, layout.view(fit.state.shared_EP, slice.name));
  for (const ParameterSlice& slice : layout.local())
    restore_into(checkpoint, "parameter." + slice.name, layout.view(fit.state.local_ERL, slice.name));
  restore_into(checkpoint, "optimizer.shared_first", fit.state.shared_first_EP);
  restore_into(checkpoint, "optimizer.shared_second", fit.state.shared_second_EP);
  restore_into(checkpoint, "optimizer.local_first", fit.state.local_first_ERL);
  restore_into(checkpoint, "optimizer.local_second", fit.state.local_second_ERL);
  restore_into(checkpoint, "anchor.prior_center", fit.anchor.prior_center_EP);
  restore_into(checkpoint, "anchor.ridge_metric", fit.anchor.ridge_metric_EF);
  restore_into(checkpoint, "anchor.ridge_center", fit.anchor.ridge_center_EF);
  restore_into(checkpoint, "weight.cell", fit.data.cell_weight_ERT);
  restore_into(checkpoint, "baseline.stiffness", fit.data.stiffness_ER);
  fit.data.persistence_E = to_reals(tensor_of(checkpoint, "baseline.persistence"));
  fit.anchor.variance_E = to_reals(tensor_of(checkpoint, "anchor.variance"));
  fit.state.active_E = to_reals(tensor_of(checkpoint, "member.active"));
  fit.state.step = checkpoint.step;
  fit.history = history_of(tensor_of(checkpoint, "history"));
  if (!fit.has_shadows()) return;
  restore_into(checkpoint, "stopping.best_shared", fit.stopping.best_shared_EP);
  restore_into(checkpoint, "stopping.best_local", fit.stopping.best_local_ERL);
  fit.stopping.best_rmse_E = to_reals(tensor_of(checkpoint, "stopping.best_rmse"));
  fit.stopping.best_step_E = to_integers(tensor_of(checkpoint, "stopping.best_step"));
  fit.stopping.worse_E = to_integers(tensor_of(checkpoint, "stopping.worse"));
}

Forecaster make_forecaster(const Checkpoint& checkpoint, const ModelOptions& options) {
  const auto labels = [&](const char* dimension) {
    return static_cast<int64_t>(checkpoint.labels.at(dimension).size());
  };
  const auto& controls = checkpoint.labels.at("control");
  const int64_t events = std::count_if(controls.begin(), controls.end(), is_event);
  Forecaster out{Mmm(with_names(options, checkpoint.labels.at("channel"), controls),
                     std::stod(checkpoint.notes.at("seasonal_period")), labels("channel"), labels("control"), events),
                 {},
                 {},
                 {},
                 {},
                 0,
                 {},
                 {},
                 0};
  const ParameterLayout& layout = out.model.layout();
  out.weeks = std::stoll(checkpoint.notes.at("weeks"));
  const auto of_plain_fit = [&](const std::string& name) {
    return tensor_of(checkpoint, name).narrow(0, 0, 1).contiguous();
  };

  FitData& scales = out.scales;
  scales.target_scale_ER = of_plain_fit("scale.target");
  scales.inverse_media_scale_ERC = of_plain_fit("scale.media_inverse");
  scales.control_mean_ERK = of_plain_fit("scale.control_mean");
  scales.inverse_control_scale_ERK = of_plain_fit("scale.control_inverse");
  scales.region_weight_ER = of_plain_fit("weight.region");
  scales.type = scales.inverse_media_scale_ERC.scalar_type();
  scales.regions = scales.all_regions = scales.target_scale_ER.size(1);
  scales.channels = labels("channel");
  scales.controls = labels("control");
  scales.events = events;
  scales.frequencies = out.model.options().frequencies;
  scales.members.resize(1);
  scales.persistence_E = to_reals(of_plain_fit("baseline.persistence"));

  out.shared_EP = at::zeros({1, layout.shared_count()}, scales.type);
  out.local_ERL = at::zeros({1, scales.regions, layout.local_count()}, scales.type);
  for (const ParameterSlice& slice : layout.shared())
    layout.view(out.shared_EP, slice.name).copy_(of_plain_fit("parameter." + slice.name));
  for (const ParameterSlice& slice : layout.local())
    layout.view(out.local_ERL, slice.name).copy_(of_plain_fit("parameter." + slice.name));
  out.state = {of_plain_fit("state.adstock"),
               has_array(checkpoint, "state.media") ? of_plain_fit("state.media") : at::Tensor(),
               has_array(checkpoint, "state.gru") ? of_plain_fit("state.gru") : at::Tensor(),
               of_plain_fit("state.baseline"), of_plain_fit("state.level")};
  if (has_array(checkpoint, "national.level")) scales.national_EN = of_plain_fit("national.level");
  if (has_array(checkpoint, "coefficient.drift")) scales.drift_ENC = of_plain_fit("coefficient.drift");
  out.last_control_RK = tensor_of(checkpoint, "control.last");
  out.recent_media_RWC = tensor_of(checkpoint, "media.recent");
  out.has_past_R = has_array(checkpoint, "training.cells") ? tensor_of(checkpoint, "training.cells") > 0
                                                           : scales.target_scale_ER[0] != 0;  // of an earlier version
  out.held_out = out.weeks - to_integers(tensor_of(checkpoint, "member.origin"))[0];
  if (has_array(checkpoint, "interval.scale")) out.intervals = intervals_of(checkpoint);
  return out;
}

at::Tensor forecast(const Forecaster& forecaster, const at::Tensor& media_RHC, const at::Tensor& control_RHK) {
  const at::NoGradGuard no_gradient;
  const FitData& scales = forecaster.scales;
  const int64_t regions = media_RHC.size(0), weeks = media_RHC.size(1);
  const Effects effects = forecaster.model.future_effects(scales, forecaster.shared_EP, forecaster.local_ERL,
                                                          forecaster.state, media_RHC.to(scales.type),
                                                          control_RHK.to(scales.type), {0, regions}, forecaster.weeks);
  // The baseline decays to its level: b_{T+k} = level + phi^k (b_T - level).
  const at::Tensor decay_E1H =
      at::pow(reals(scales.persistence_E).view({-1, 1, 1}), at::arange(1, weeks + 1, at::kDouble));
  const at::Tensor level_ER1 = forecaster.state.level_ER.to(at::kDouble).unsqueeze(-1);
  const at::Tensor baseline_ERH =
      level_ER1 + decay_E1H * (forecaster.state.baseline_ER.to(at::kDouble).unsqueeze(-1) - level_ER1);
  const at::Tensor usable = (scales.region_weight_ER > 0).unsqueeze(-1);
  const at::Tensor scaled_ERH =
      at::where(usable, effects.total().to(at::kDouble) + baseline_ERH, at::ones_like(baseline_ERH));
  return (scaled_ERH * scales.target_scale_ER.unsqueeze(-1))[0];
}

}  // namespace dcmmm
