// Measures of how far a weighted graph is from having no cycles, and orders of graphs that have none.
// Shapes: C channels; [source, target].
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace dcmmm {

/// tr exp(W o W) - C, zero exactly for graphs without cycles (Zheng et al. 2018), and its gradient into `gradient`.
double trace_exponential(const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd* gradient = nullptr);

/// -log det(I - W o W), as of DAGMA with s = 1 (Bello et al. 2022); infinity outside its domain, where the spectral
/// radius of W o W isn't below 1.
double log_determinant(const Eigen::MatrixXd& weight_CC, Eigen::MatrixXd* gradient = nullptr);

/// All channels, sources before their targets; where that leaves a choice, in the order of `preferred`. Empty when the
/// graph of entries that aren't zero has a cycle.
std::vector<int64_t> topological_order(const Eigen::MatrixXd& weight_CC, const std::vector<int64_t>& preferred);

/// Sets the weakest entry (by |weight|) of each cycle to zero until there is none. Entries marked in `keep_CC` (not 0)
/// go last.
void cut_cycles(Eigen::MatrixXd& weight_CC, const Eigen::MatrixXd& keep_CC);

}  // namespace dcmmm
