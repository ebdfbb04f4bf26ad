#include "sweep/pareto.hpp"

#include <algorithm>

namespace dcmmm {
namespace {

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

}  // namespace

std::vector<int64_t> front_numbers(const std::vector<std::vector<double>>& losses) {
  std::vector<int64_t> out(losses.size(), -1);
  const auto is_left = [&](size_t i) { return out[i] < 0; };
  for (int64_t front = 0; std::any_of(out.begin(), out.end(), [](int64_t n) { return n < 0; }); ++front) {
    std::vector<size_t> members;
    for (size_t i = 0; i < losses.size(); ++i) {
      bool beaten = !is_left(i);
      for (size_t k = 0; k < losses.size() && !beaten; ++k) beaten = is_left(k) && dominates(losses[k], losses[i]);
      if (!beaten) members.push_back(i);
    }
    for (const size_t i : members) out[i] = front;
  }
  return out;
}

}  // namespace dcmmm
