#include "graph/options.hpp"

#include <algorithm>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {

std::vector<EdgeRule> parse_edges(const std::vector<std::string>& texts, const std::vector<std::string>& channels,
                                  const std::string& key, int64_t lags) {
  std::vector<EdgeRule> rules;
  for (const std::string& rule : texts) {
    const auto fail = [&](const std::string& expected) {
      throw UserError(text("'", key, "' holds '", rule, "': ", expected));
    };
    const auto channel = [&](const std::string& name) {
      const auto found = std::find(channels.begin(), channels.end(), name);
      if (found == channels.end())
        fail(text("the panel has no channel '", name, "'.", did_you_mean(name, channels), " Expected one of ",
                  join(channels), "."));
      return static_cast<int64_t>(found - channels.begin());
    };
    const size_t arrow = rule.find("->");
    if (arrow == std::string::npos) fail("expected an edge such as 'tv->search', or 'tv->search@1' for a week later.");
    std::string target = rule.substr(arrow + 2);
    EdgeRule edge;
    if (const size_t at = target.rfind('@'); at != std::string::npos) {
      const std::string digits = target.substr(at + 1);
      const bool is_number = digits.size() == 1 && digits[0] >= '0' && digits[0] <= '9';
      if (!is_number || digits[0] - '0' > lags)
        fail(text("expected a lag of 0 to ", lags, " (model.dag.lags) after '@'."));
      edge.lag = digits[0] - '0';
      target.resize(at);
    }
    edge.source = channel(rule.substr(0, arrow));
    edge.target = channel(target);
    if (edge.source == edge.target) fail("expected two different channels.");
    rules.push_back(edge);
  }
  return rules;
}

}  // namespace dcmmm
