#include "model/adjacency.hpp"

namespace dcmmm {

at::Tensor adjacency_weights(const ModelOptions& options, const at::Tensor& logit_ECC) {
  const int64_t channels = logit_ECC.size(-1);
  const at::Tensor all = at::ones({channels, channels}, logit_ECC.options());
  const at::Tensor allowed =
      options.adjacency == Adjacency::kTriangular ? all.triu(1) : all - at::eye(channels, logit_ECC.options());
  return (logit_ECC / options.adjacency_temperature).sigmoid() * allowed;
}

at::Tensor mixing_matrix(const at::Tensor& weight_ECC, const at::Tensor& mix_logit_EC) {
  const at::Tensor mix_EC = mix_logit_EC.sigmoid();
  return at::diag_embed(1.0 - mix_EC) + weight_ECC * mix_EC.unsqueeze(1);
}

at::Tensor acyclicity(const at::Tensor& weight_ECC) {
  return at::linalg_matrix_exp(weight_ECC.square()).diagonal(0, -2, -1).sum(-1) -
         static_cast<double>(weight_ECC.size(-1));
}

}  // namespace dcmmm
