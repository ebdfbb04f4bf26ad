#include "model/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "common/random.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

// The reference package's: edges a little below one half, a fifth of a response from the parents.
constexpr double kStartLogit = -0.1, kStartMixLogit = -1.4;
constexpr double kLeastAboveMinimum = 0.05;  // of an exponent at the start

}  // namespace

ParameterLayout::ParameterLayout(const ModelOptions& options, int64_t channels, int64_t controls, int64_t patterns,
                                 int64_t events) {
  const auto shared = [&](const char* name, std::vector<std::string> dimensions, std::vector<int64_t> shape,
                          ParameterGroup group = ParameterGroup::kShared) {
    add(shared_, shared_count_, {name, std::move(dimensions), std::move(shape), group});
  };
  shared("adstock.decay_logit", {"channel"}, {channels});
  shared("hill.exponent_raw", {"channel"}, {channels});
  shared("hill.log_half_saturation", {"channel"}, {channels});
  shared("coefficient.log_mean", {"channel"}, {channels});
  shared("control.coefficient", {"control"}, {controls});
  shared("pattern.coefficient", {"pattern"}, {patterns});
  if (const auto delayed = static_cast<int64_t>(options.delayed_channels.size()); delayed > 0)
    shared("adstock.peak_logit", {"delayed_channel"}, {delayed});
  if (options.adjacency != Adjacency::kNone) {
    shared("adjacency.logit", {"channel", "to_channel"}, {channels, channels});
    shared("adjacency.mix_logit", {"channel"}, {channels});
  }
  if (options.gru) {
    // Without the trend, which would drive its states out of what it has seen.
    gru_inputs_ = channels + controls - events + int64_t{2} * options.harmonics;
    const int64_t hidden = options.hidden, gates = 3 * hidden;
    shared("gru.weight_input", {"gru_gate", "gru_input"}, {gates, gru_inputs_}, ParameterGroup::kGru);
    shared("gru.weight_hidden", {"gru_gate", "gru_hidden"}, {gates, hidden}, ParameterGroup::kGru);
    shared("gru.bias_input", {"gru_gate"}, {gates}, ParameterGroup::kGru);
    shared("gru.bias_hidden", {"gru_gate"}, {gates}, ParameterGroup::kGru);
    shared("gru.output_weight", {"channel", "gru_hidden"}, {channels, hidden}, ParameterGroup::kGru);
    shared("gru.output_bias", {"channel"}, {channels}, ParameterGroup::kGru);
  }
  add(local_, local_count_, {"coefficient.region_effect", {"channel"}, {channels}, ParameterGroup::kLocal});
  add(local_, local_count_, {"pattern.region_scale", {}, {}, ParameterGroup::kLocal});
  if (options.region_patterns)
    add(local_, local_count_, {"pattern.region_effect", {"pattern"}, {patterns}, ParameterGroup::kLocal});
}

void ParameterLayout::add(std::vector<ParameterSlice>& slices, int64_t& total, ParameterSlice slice) {
  slice.offset = total;
  slice.count = std::accumulate(slice.shape.begin(), slice.shape.end(), int64_t{1}, std::multiplies<>());
  total += slice.count;
  slices.push_back(std::move(slice));
}

bool ParameterLayout::has(const std::string& name) const {
  for (const auto* slices : {&shared_, &local_})
    for (const auto& slice : *slices)
      if (slice.name == name) return true;
  return false;
}

const ParameterSlice& ParameterLayout::find(const std::string& name) const {
  for (const auto* slices : {&shared_, &local_})
    for (const auto& slice : *slices)
      if (slice.name == name) return slice;
  throw std::logic_error("no parameter is called " + name);
}

at::Tensor ParameterLayout::view(const at::Tensor& buffer, const std::string& name) const {
  const ParameterSlice& slice = find(name);
  std::vector<int64_t> shape(buffer.sizes().begin(), buffer.sizes().end() - 1);
  shape.insert(shape.end(), slice.shape.begin(), slice.shape.end());
  return buffer.narrow(-1, slice.offset, slice.count).view(shape);
}

double inverse_softplus(double value, double least) {
  return value > 30 ? value : std::log(std::expm1(std::max(value, least)));
}

at::Tensor initial_shared(const ParameterLayout& layout, const ModelOptions& options,
                          const std::vector<Member>& members) {
  at::Tensor shared = at::zeros({static_cast<int64_t>(members.size()), layout.shared_count()}, at::kDouble);
  for (size_t e = 0; e < members.size(); ++e) {
    const auto fill = [&](const char* name, double value) {
      layout.view(shared, name)[static_cast<int64_t>(e)].fill_(value);
    };
    fill("adstock.decay_logit", std::log(members[e].decay / (1.0 - members[e].decay)));
    if (layout.has("adstock.peak_logit")) {
      const double share = options.peak / static_cast<double>(options.max_lag - 1);
      fill("adstock.peak_logit", std::log(share / (1.0 - share)));
    }
    if (layout.has("adjacency.logit")) {
      fill("adjacency.logit", kStartLogit);
      fill("adjacency.mix_logit", kStartMixLogit);
    }
    fill("hill.exponent_raw", inverse_softplus(members[e].exponent - options.min_exponent, kLeastAboveMinimum));
    fill("hill.log_half_saturation", std::log(members[e].half_saturation));
    // Known curves start where they are known to be.
    for (size_t c = 0; c < options.knowledge.channels.size(); ++c) {
      const ChannelPrior& known = options.knowledge.channels[c];
      const auto set = [&](const char* name, double value) {
        layout.view(shared, name)[static_cast<int64_t>(e)][static_cast<int64_t>(c)].fill_(value);
      };
      if (known.decay) set("adstock.decay_logit", std::log(known.decay->mean / (1.0 - known.decay->mean)));
      if (known.exponent)
        set("hill.exponent_raw", inverse_softplus(known.exponent->mean - options.min_exponent, kLeastAboveMinimum));
      if (known.half_saturation) set("hill.log_half_saturation", std::log(known.half_saturation->mean));
    }
  }
  if (!options.gru) return shared;
  // Uniform weights in +-1/sqrt(H) as in torch.nn.GRU; the output layer starts near zero, so that deviations do, too.
  const double bound = 1.0 / std::sqrt(static_cast<double>(options.hidden));
  auto values = shared.accessor<double, 2>();
  for (int64_t member = 0; member < values.size(0); ++member) {
    for (size_t index = 0; index < layout.shared().size(); ++index) {
      const ParameterSlice& slice = layout.shared()[index];
      if (slice.group != ParameterGroup::kGru || slice.name == "gru.output_bias") continue;
      RandomStream random(members[static_cast<size_t>(member)].seed, index);
      const bool output = slice.name == "gru.output_weight";
      for (int64_t i = 0; i < slice.count; ++i)
        values[member][slice.offset + i] = output ? 0.01 * random.normal() : random.uniform(-bound, bound);
    }
  }
  return shared;
}

}  // namespace dcmmm
