#include "graph/learn_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "graph/acyclic.hpp"
#include "graph/directions.hpp"
#include "graph/group_differences.hpp"
#include "graph/moments.hpp"
#include "graph/skeleton.hpp"
#include "graph/solver.hpp"
#include "graph/total_effects.hpp"

// C channels, P = (1 + lags) C sources: this week's channels, then those of each week before; [source, target].
namespace dcmmm {
namespace {

// Sparser channels are on or off: what log-linear equations say of their direction isn't believed.
constexpr double kMostlyOn = 0.8;
constexpr size_t kMostNeighbours = 6;  // undirected ones of a channel whose lagged edges are still claimed
constexpr double kExplained = 0.5;     // a partial correlation below so many thresholds is none
constexpr double kLeastRows = 50.0;    // fewer region-weeks, and no graph is learned

}  // namespace

class GraphLearner {
 public:
  GraphLearner(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed, const RegionLoop& loop)
      : options_(options), C_(panel.channels()), P_((1 + options.lags) * C_), spend_(log_spend(panel, weeks, loop)) {
    const std::vector<int64_t> group_R = groups_of(panel);
    std::vector<std::vector<GraphMoments>> moments =
        graph_moments(spend_, options.lags, options.resamples, seed, group_R, std::ssize(group_names_), loop);
    moments_ = std::move(moments[0]);
    group_moments_.assign(moments.begin() + 1, moments.end());
    const auto& names = panel.coordinates.channels;
    set_rules(parse_edges(options.forbidden, names, "model.dag.forbidden", options.lags),
              parse_edges(options.required, names, "model.dag.required", options.lags), names);
    order_.resize(C_);
    std::iota(order_.begin(), order_.end(), 0);
    if (moments_[0].rows < kLeastRows) return;
    has_rows_ = true;
    if (options.noise != GraphNoise::kGaussian && !options.equal_variance && !options.upper_triangular)
      use_directions(static_cast<int64_t>(panel.coordinates.regions.size()), loop);
  }

  bool has_rows() const { return has_rows_; }
  const LogSpend& spend() const { return spend_; }
  const GraphMoments& moments() const { return moments_[0]; }
  const GraphProblem& problem() const { return problem_; }

  Graph without_rows() const {
    Graph out;
    out.channels = C_;
    out.total_CC = flat(Eigen::MatrixXd::Identity(C_, C_));
    return out;
  }

  // From the solver's weights to the graph that is reported.
  Graph graph_of(const GraphSolution& solution) {
    Graph out;
    out.channels = C_;
    out.h = solution.h;
    Eigen::MatrixXd support_PC = selected(moments_[0], solution.weight_PC);
    drop_explained(support_PC);
    // An order of the channels settles cycles for the resamples, which then are descents without a constraint.
    order_ = topological_order(support_PC.topRows(C_), order_);
    GraphProblem ordered = problem_;
    for (size_t a = 0; a < order_.size(); ++a)
      for (size_t b = a; b < order_.size(); ++b) ordered.allowed_PC(order_[b], order_[a]) = 0;
    const Eigen::MatrixXd confidence_PC = confidence(support_PC, ordered);
    for (Eigen::Index i = 0; i < support_PC.size(); ++i) {
      if (support_PC.data()[i] == 0 || confidence_PC.data()[i] >= options_.confidence) continue;
      support_PC.data()[i] = 0;
      ++out.unsure;
    }
    describe(support_PC, confidence_PC, out);
    describe_groups(support_PC, ordered, out);
    return out;
  }

 private:
  static std::vector<double> flat(const Eigen::MatrixXd& matrix) {
    const Eigen::MatrixXd rows = matrix.transpose();
    return {rows.data(), rows.data() + rows.size()};
  }
  bool is_own_past(Eigen::Index source, Eigen::Index target) const { return source >= C_ && source % C_ == target; }

  // Of each region of this rank, -1 without one; fills group_names_.
  std::vector<int64_t> groups_of(const Panel& panel) {
    const auto& regions = panel.coordinates.regions;
    for (const auto& [region, group] : options_.group_of) {
      if (std::find(regions.begin(), regions.end(), region) == regions.end())
        throw UserError(text("'model.dag.groups' names '", region, "', but the panel has no such region.",
                             did_you_mean(region, regions), " Expected {region: group} with the panel's regions."));
      if (std::find(group_names_.begin(), group_names_.end(), group) == group_names_.end())
        group_names_.push_back(group);
    }
    std::vector<int64_t> group_R(panel.regions, -1);
    for (int64_t r = 0; r < panel.regions; ++r)
      if (const auto found = options_.group_of.find(regions[panel.first_region + r]); found != options_.group_of.end())
        group_R[r] = std::find(group_names_.begin(), group_names_.end(), found->second) - group_names_.begin();
    return group_R;
  }

  void set_rules(const std::vector<EdgeRule>& forbidden, const std::vector<EdgeRule>& required,
                 const std::vector<std::string>& names) {
    problem_.solver = options_.solver;
    problem_.allowed_PC = Eigen::MatrixXd::Ones(P_, C_);
    problem_.l1_PC = Eigen::MatrixXd::Constant(P_, C_, options_.l1);
    required_PC_ = Eigen::MatrixXd::Zero(P_, C_);
    if (options_.equal_variance) problem_.equal_scale_C = Eigen::Map<const Eigen::VectorXd>(spend_.scale_C.data(), C_);
    for (Eigen::Index j = 0; j < C_; ++j)
      for (Eigen::Index i = 0; i < P_; ++i) {
        if (is_own_past(i, j)) problem_.l1_PC(i, j) = 0;
        if (i == j || (i < C_ && options_.upper_triangular && i > j)) problem_.allowed_PC(i, j) = 0;
        if (spend_.is_constant(i % C_) || spend_.is_constant(j)) problem_.allowed_PC(i, j) = 0;
      }
    for (const EdgeRule& rule : forbidden)
      for (int64_t lag = 0; lag <= options_.lags; ++lag)
        if (rule.lag == EdgeRule::kEveryLag || rule.lag == lag)
          problem_.allowed_PC(lag * C_ + rule.source, rule.target) = 0;
    for (const EdgeRule& rule : required) {
      const Eigen::Index source = std::max<int64_t>(0, rule.lag) * C_ + rule.source;
      const auto edge = [&] { return names[rule.source] + "->" + names[rule.target]; };
      if (spend_.is_constant(rule.source) || spend_.is_constant(rule.target))
        throw UserError(text("'model.dag.required' holds '", edge(),
                             "', but spend on one of the two never moves within the training weeks. Leave it out."));
      if (problem_.allowed_PC(source, rule.target) == 0)
        throw UserError(text("'model.dag.required' holds '", edge(),
                             "', which model.dag.forbidden or model.dag.upper_triangular rules out. Change one."));
      problem_.l1_PC(source, rule.target) = 0;
      required_PC_(source, rule.target) = 1;
      if (source < C_) problem_.allowed_PC(rule.target, rule.source) = 0;
    }
    std::vector<int64_t> all(C_);
    std::iota(all.begin(), all.end(), 0);
    if (topological_order(required_PC_.topRows(C_), all).empty())
      throw UserError("'model.dag.required' holds a cycle of edges within a week: take one of them out.");
    // What rules say of a pair in one direction only is a direction.
    by_config_CC_ = (problem_.allowed_PC.topRows(C_) - problem_.allowed_PC.topRows(C_).transpose()).cwiseMax(0.0);
  }

  void use_directions(int64_t all_regions, const RegionLoop& loop) {
    std::vector<char> usable_C;
    for (int64_t c = 0; c < C_; ++c)
      usable_C.push_back(!spend_.is_constant(c) && spend_.off_share_C[c] <= 1 - kMostlyOn);
    const Directions directions =
        find_directions(innovations(spend_, moments_[0], all_regions, loop), options_.noise, usable_C);
    order_ = directions.order;
    by_noise_CC_ = (directions.evidence_CC.array() >= kSurelyDirected).cast<double>().matrix();
    for (Eigen::Index i = 0; i < C_; ++i)
      for (Eigen::Index j = 0; j < C_; ++j)
        if (by_noise_CC_(i, j) != 0 && required_PC_(j, i) == 0) problem_.allowed_PC(j, i) = 0;
  }

  // 1 where the weights, fitted again without shrinkage, are edges; within a week without a cycle.
  Eigen::MatrixXd selected(const GraphMoments& moments, const Eigen::MatrixXd& weight_PC) const {
    Eigen::MatrixXd support_PC = (weight_PC.array() != 0).cast<double>();
    // A required edge whose weight is exactly zero counts, too.
    Eigen::MatrixXd now_CC = weight_PC.topRows(C_) + 1e-12 * required_PC_.topRows(C_);
    cut_cycles(now_CC, required_PC_.topRows(C_));
    support_PC.topRows(C_) = (now_CC.array() != 0).cast<double>();
    support_PC = support_PC.cwiseMax(required_PC_);
    const Eigen::MatrixXd refitted_PC = refit(moments, support_PC);
    for (Eigen::Index j = 0; j < C_; ++j)
      for (Eigen::Index i = 0; i < P_; ++i) {
        const bool stays = required_PC_(i, j) != 0 || std::abs(refitted_PC(i, j)) >= options_.threshold;
        support_PC(i, j) = is_own_past(i, j) ? problem_.allowed_PC(i, j) : support_PC(i, j) * stays;
      }
    return support_PC;
  }

  // Share of the resamples that find each edge of `support_PC`.
  Eigen::MatrixXd confidence(const Eigen::MatrixXd& support_PC, const GraphProblem& ordered) const {
    Eigen::MatrixXd found_PC = Eigen::MatrixXd::Zero(P_, C_);
    const auto B = static_cast<int64_t>(moments_.size()) - 1;
    for (int64_t b = 1; b <= B; ++b) found_PC += selected(moments_[b], solve_graph(moments_[b], ordered).weight_PC);
    return B == 0 ? support_PC : Eigen::MatrixXd(found_PC / static_cast<double>(B));
  }

  // Channels that an undirected edge within a week links to `target`.
  std::vector<Eigen::Index> undirected_neighbours(const Eigen::MatrixXd& support_PC, Eigen::Index target) const {
    std::vector<Eigen::Index> out;
    for (Eigen::Index i = 0; i < C_; ++i) {
      const bool into = support_PC(i, target) != 0 && direction(i, target) == Direction::kUndirected;
      const bool from = support_PC(target, i) != 0 && direction(target, i) == Direction::kUndirected;
      if (into || from) out.push_back(i);
    }
    return out;
  }

  // What gives an edge within a week its direction.
  Direction direction(Eigen::Index source, Eigen::Index target) const {
    if (by_config_CC_(source, target) != 0) return Direction::kConfig;
    if (by_noise_CC_.size() > 0 && by_noise_CC_(source, target) != 0) return Direction::kNoise;
    return options_.equal_variance ? Direction::kEqualVariance : Direction::kUndirected;
  }

  // Time directs an effect of an earlier week, if it is one whatever the undirected edges of the target turn out to be:
  // with any of these neighbours as causes of the target, given all channels' weeks before.
  bool holds_either_way(const Eigen::MatrixXd& support_PC, Eigen::Index source, Eigen::Index target) const {
    const std::vector<Eigen::Index> neighbours = undirected_neighbours(support_PC, target);
    if (neighbours.empty()) return true;
    if (neighbours.size() > kMostNeighbours) return false;
    Eigen::MatrixXd causes_PC = Eigen::MatrixXd::Zero(P_, C_);
    causes_PC.col(target) = support_PC.col(target);
    causes_PC.col(target).tail(P_ - C_) = problem_.allowed_PC.col(target).tail(P_ - C_);
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (size_t subset = 0; subset < size_t{1} << neighbours.size(); ++subset) {
      for (size_t n = 0; n < neighbours.size(); ++n)
        causes_PC(neighbours[n], target) = static_cast<double>(subset >> n & 1);
      const double weight = refit(moments_[0], causes_PC)(source, target);
      least = std::min(least, weight);
      most = std::max(most, weight);
    }
    return least >= options_.threshold || most <= -options_.threshold;
  }

  // Takes out undirected edges that other channels explain: a solver that has one pair the wrong way round links the
  // parents of a common effect.
  void drop_explained(Eigen::MatrixXd& support_PC) const {
    const double least = kExplained * options_.threshold;
    const auto drop = [&](bool lagged) {
      const Eigen::MatrixXd before_PC = support_PC;
      for (Eigen::Index j = 0; j < C_; ++j)
        for (Eigen::Index i = lagged ? C_ : 0; i < (lagged ? P_ : C_); ++i) {
          if (before_PC(i, j) == 0 || required_PC_(i, j) != 0 || is_own_past(i, j)) continue;
          const bool is_directed =
              lagged ? holds_either_way(before_PC, i, j) : direction(i, j) != Direction::kUndirected;
          if (!is_directed && least_dependence(moments_[0], before_PC, i, j) < least) support_PC(i, j) = 0;
        }
    };
    drop(false);
    drop(true);
  }

  // What a standardised weight of one is in log spend.
  double in_logs(Eigen::Index source, Eigen::Index target) const {
    return spend_.is_constant(source % C_) ? 0.0 : spend_.scale_C[target] / spend_.scale_C[source % C_];
  }
  Eigen::MatrixXd in_logs(Eigen::MatrixXd weight_PC) const {
    for (Eigen::Index j = 0; j < C_; ++j)
      for (Eigen::Index i = 0; i < P_; ++i) weight_PC(i, j) *= in_logs(i, j);
    return weight_PC;
  }

  void describe_groups(const Eigen::MatrixXd& support_PC, const GraphProblem& ordered, Graph& out) const {
    for (size_t g = 0; g < group_names_.size(); ++g) {
      if (group_moments_[g][0].rows < kLeastRows) continue;
      for (GroupDifference edge :
           group_differences(group_names_[g], moments_, group_moments_[g], ordered, support_PC, options_)) {
        const double unit = in_logs(edge.source, edge.target);
        edge.weight *= unit;
        edge.shared_weight *= unit;
        out.differences.push_back(std::move(edge));
      }
    }
    std::stable_sort(out.differences.begin(), out.differences.end(), [](const auto& a, const auto& b) {
      return std::abs(a.weight - a.shared_weight) > std::abs(b.weight - b.shared_weight);
    });
  }

  void describe(const Eigen::MatrixXd& support_PC, const Eigen::MatrixXd& confidence_PC, Graph& out) const {
    const Eigen::MatrixXd standard_PC = refit(moments_[0], support_PC);
    std::vector<std::pair<Eigen::Index, Eigen::Index>> places;
    Eigen::MatrixXd directed_PC = Eigen::MatrixXd::Zero(P_, C_);
    for (Eigen::Index j = 0; j < C_; ++j)
      for (Eigen::Index i = 0; i < P_; ++i) {
        if (support_PC(i, j) == 0) continue;
        directed_PC(i, j) = is_own_past(i, j);
        if (!is_own_past(i, j)) places.emplace_back(i, j);
      }
    std::stable_sort(places.begin(), places.end(), [&](const auto& a, const auto& b) {
      return std::abs(standard_PC(a.first, a.second)) > std::abs(standard_PC(b.first, b.second));
    });
    const Eigen::MatrixXd weight_PC = in_logs(standard_PC);
    for (const auto& [i, j] : places) {
      GraphEdge edge;
      edge.source = i % C_;
      edge.target = j;
      edge.lag = i / C_;
      edge.weight = weight_PC(i, j);
      edge.confidence = confidence_PC(i, j);
      edge.direction = i < C_                               ? direction(i, j)
                       : holds_either_way(support_PC, i, j) ? Direction::kTime
                                                            : Direction::kUndirected;
      directed_PC(i, j) = edge.is_directed();
      out.edges.push_back(edge);
    }
    out.total_CC = flat(total_effects(weight_PC.cwiseProduct(directed_PC)));
    out.draws = static_cast<int64_t>(moments_.size()) - 1;
    for (int64_t b = 1; b <= out.draws; ++b) {
      const Eigen::MatrixXd drawn_PC = in_logs(refit(moments_[b], support_PC));
      for (const auto& [i, j] : places) out.weight_BS.push_back(drawn_PC(i, j));
      const std::vector<double> total = flat(total_effects(drawn_PC.cwiseProduct(directed_PC)));
      out.total_BCC.insert(out.total_BCC.end(), total.begin(), total.end());
    }
  }

  GraphOptions options_;
  int64_t C_, P_;
  LogSpend spend_;
  std::vector<std::string> group_names_;
  std::vector<GraphMoments> moments_;                     // the panel's, then the resamples'
  std::vector<std::vector<GraphMoments>> group_moments_;  // the same of each group
  GraphProblem problem_;
  Eigen::MatrixXd required_PC_, by_config_CC_, by_noise_CC_;
  std::vector<int64_t> order_;
  bool has_rows_ = false;
};

Graph learn_graph(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed,
                  const RegionLoop& loop) {
  GraphLearner learner(panel, options, weeks, seed, loop);
  if (!learner.has_rows()) return learner.without_rows();
  return learner.graph_of(solve_graph(learner.moments(), learner.problem()));
}

JointGraph::JointGraph(const Panel& panel, const GraphOptions& options, int64_t weeks, uint64_t seed,
                       const RegionLoop& loop)
    : learner_(std::make_unique<GraphLearner>(panel, options, weeks, seed, loop)) {
  if (learner_->has_rows())
    term_ = std::make_unique<GraphTerm>(learner_->spend(), options.lags, learner_->moments().rows, learner_->problem());
}

JointGraph::~JointGraph() = default;

Graph JointGraph::finish() {
  if (!term_) return learner_->without_rows();
  return learner_->graph_of(solve_graph(learner_->moments(), term_->descent()));
}

}  // namespace dcmmm
