// The two flat parameter buffers: `shared` (the same on every rank) and `local` (one row a region, only on its rank).
// Shapes: E members, R regions of this rank, P shared and L local parameters a member, C channels, K controls,
// S shared temporal patterns, H hidden units, I inputs of the GRU.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/fit_data.hpp"
#include "model/options.hpp"

namespace dcmmm {

/// Which learning rate and which penalties a parameter has.
enum class ParameterGroup { kShared, kGru, kLocal };

/// A named tensor inside a flat buffer.
struct ParameterSlice {
  std::string name;
  std::vector<std::string> dimensions;  // names, for checkpoints
  std::vector<int64_t> shape;           // without the member (and region) axis
  ParameterGroup group;
  int64_t offset = 0, count = 0;  // elements
};

/// Where each named parameter lies. Adding a parameter means adding a line to the constructor.
class ParameterLayout {
 public:
  ParameterLayout(const ModelOptions& options, int64_t channels, int64_t controls, int64_t patterns,
                  int64_t events = 0);

  const std::vector<ParameterSlice>& shared() const { return shared_; }
  const std::vector<ParameterSlice>& local() const { return local_; }
  int64_t shared_count() const { return shared_count_; }  // P
  int64_t local_count() const { return local_count_; }    // L
  int64_t gru_inputs() const { return gru_inputs_; }      // I

  /// The parameter as a view: [E, shape...] of a shared buffer [E, P], or [E, R, shape...] of a local buffer [E, R, L].
  at::Tensor view(const at::Tensor& buffer, const std::string& name) const;
  bool has(const std::string& name) const;

 private:
  const ParameterSlice& find(const std::string& name) const;
  void add(std::vector<ParameterSlice>& slices, int64_t& total, ParameterSlice slice);

  std::vector<ParameterSlice> shared_, local_;
  int64_t shared_count_ = 0, local_count_ = 0, gru_inputs_ = 0;
};

/// softplus^-1 of `value`, or of `least` (above 0) where that is larger: softplus never reaches 0.
double inverse_softplus(double value, double least);

/// Starting values of the shared buffer [E, P] (float64): each member's own for the curves, small random weights for
/// the GRU, keyed by each member's own seed so that they depend on nothing else. Coefficients are set by the closed
/// form.
at::Tensor initial_shared(const ParameterLayout& layout, const ModelOptions& options,
                          const std::vector<Member>& members);

}  // namespace dcmmm
