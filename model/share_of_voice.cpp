#include "model/share_of_voice.hpp"

namespace dcmmm {

at::Tensor share_of_voice(const at::Tensor& media_nTC) {
  const at::Tensor total_nT1 = media_nTC.sum(-1, /*keepdim=*/true);
  return at::where(total_nT1 > 0, media_nTC / total_nT1,
                   at::full_like(media_nTC, 1.0 / static_cast<double>(media_nTC.size(-1))));
}

}  // namespace dcmmm
