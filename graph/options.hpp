// Settings of the graph of channels; the defaults are those of configs/model/default.yaml.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dcmmm {

/// NOTEARS: augmented Lagrangian (Zheng et al. 2018); DAGMA: log-determinant, path following (Bello et al. 2022).
enum class GraphSolver { kNotears, kDagma };

/// Whether the graph's weights are found from the sufficient statistic before the fit, or as a term of the training
/// loss, a step with each of the descent's. Both end at the same graph.
enum class GraphMode { kCovariance, kJoint };

/// What innovations in log spend look like: directions within a week are read from how far they are from Gaussian.
enum class GraphNoise { kGaussian, kLaplace, kStudent };

/// An edge that the user speaks about. As text: "tv->search", or "tv->search@1" for the effect a week later.
struct EdgeRule {
  static constexpr int64_t kEveryLag = -1;
  int64_t source = 0, target = 0;  // channels
  int64_t lag = kEveryLag;
};

struct GraphOptions {
  bool enabled = true;
  GraphMode mode = GraphMode::kCovariance;
  GraphSolver solver = GraphSolver::kNotears;
  GraphNoise noise = GraphNoise::kStudent;
  int64_t lags = 1;               // weeks back that spend may depend on
  double l1 = 0.05;               // penalty on standardised weights, against log standard deviations
  double threshold = 0.1;         // a standardised weight below is no edge
  double confidence = 0.9;        // share of the resamples in which an edge must be found
  int64_t resamples = 50;         // of regions
  bool equal_variance = false;    // innovations of all channels have the same variance, which then gives directions
  bool upper_triangular = false;  // within a week channels act on later ones only, in the panel's order
  std::vector<std::string> forbidden = {}, required = {};  // edges as text
  std::map<std::string, std::string> group_of = {};        // region: group, whose graph may differ sparsely
};

/// The rules of `texts` for these channels, in their order. `key` is the config key that messages name. Without a lag a
/// forbidden edge is forbidden at every lag; a required one is of the same week. Throws UserError.
std::vector<EdgeRule> parse_edges(const std::vector<std::string>& texts, const std::vector<std::string>& channels,
                                  const std::string& key, int64_t lags);

}  // namespace dcmmm
