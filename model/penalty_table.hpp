// The penalty of the shared parameters as a sum over them, one by one: what Mmm::shared_penalty adds up, in the form
// that a GPU's update reads. Shapes: E members, P shared parameters.
#pragma once

#include <vector>

#include "model/mmm.hpp"
#include "model/penalty_row.hpp"

namespace dcmmm {

/// Of all members' parameters, E x P, for a model without adjacency, whose penalty is no such sum.
std::vector<ParameterPenalty> penalty_table(const Mmm& model, const FitData& data, const Anchor& anchor);

}  // namespace dcmmm
