#include "model/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr std::array<std::string_view, 4> kMediaUnits = {"auto", "region", "target",
                                                         "population"};  // in the order of MediaUnit

}  // namespace

std::string name_of(MediaUnit unit) { return std::string(kMediaUnits[static_cast<size_t>(unit)]); }

MediaUnit media_unit(const std::string& name) {
  return static_cast<MediaUnit>(std::find(kMediaUnits.begin(), kMediaUnits.end(), std::string_view(name)) -
                                kMediaUnits.begin());
}

ModelOptions with_channels(ModelOptions options, const std::vector<std::string>& channels) {
  for (const auto& [channel, is_delayed] : options.delayed_of) {
    if (std::find(channels.begin(), channels.end(), channel) == channels.end()) {
      throw UserError(text("model.adstock.kinds names '", channel, "', which is no channel of the panel.",
                           did_you_mean(channel, channels), " The channels are ", join(channels), "."));
    }
  }
  options.delayed_channels.clear();
  for (size_t c = 0; c < channels.size(); ++c) {
    const auto own = options.delayed_of.find(channels[c]);
    if (own == options.delayed_of.end() ? options.delayed : own->second)
      options.delayed_channels.push_back(static_cast<int64_t>(c));
  }
  return options;
}

}  // namespace dcmmm
