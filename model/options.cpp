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

// Where model.media.frequency finds a name.
int64_t place_of(const std::string& name, const std::vector<std::string>& names, const char* kind) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw UserError(text("model.media.frequency names '", name, "', which is no ", kind, " of the panel.",
                         did_you_mean(name, names), " The ", kind, "s are ", join(names), "."));
  return found - names.begin();
}

}  // namespace

std::string name_of(MediaUnit unit) { return std::string(kMediaUnits[static_cast<size_t>(unit)]); }

MediaUnit media_unit(const std::string& name) {
  return static_cast<MediaUnit>(std::find(kMediaUnits.begin(), kMediaUnits.end(), std::string_view(name)) -
                                kMediaUnits.begin());
}

ModelOptions with_names(ModelOptions options, const std::vector<std::string>& channels,
                        const std::vector<std::string>& controls) {
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
  options.frequencies.clear();
  for (const auto& [channel, control] : options.frequency_of) {
    const int64_t c = place_of(channel, channels, "channel"), k = place_of(control, controls, "control");
    const auto& delayed = options.delayed_channels;
    const char* problem = !options.hill ? "model.hill.enabled is false, so there is no curve for its frequency"
                          : options.share_of_voice ? "model.media.scaling is share_of_voice, and shares have no reach"
                          : std::find(delayed.begin(), delayed.end(), c) != delayed.end()
                              ? "its carry-over is delayed (model.adstock), which reach can't be"
                              : nullptr;
    if (problem != nullptr)
      throw UserError(
          text("model.media.frequency names channel '", channel, "', but ", problem, ". Change one of the two."));
    options.frequencies.push_back({c, k});
  }
  return options;
}

}  // namespace dcmmm
