// Media as shares of their week, as the reference package has them (docs/reference.md). Shapes: n regions, T weeks, C
// channels.
#pragma once

#include <ATen/ATen.h>

namespace dcmmm {

/// A channel's part [n, T, C] of all media units of its region and week; equal parts in a week without any.
at::Tensor share_of_voice(const at::Tensor& media_nTC);

}  // namespace dcmmm
