#include "comm/ordered_sum.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/text.hpp"

namespace dcmmm {

// Doubles that finish() gathers at once: 8 MiB.
static constexpr int64_t kGatheredAtOnce = int64_t{1} << 20;

OrderedSum::OrderedSum(int64_t shards, int64_t first_shard, int64_t owned_shards, int64_t length)
    : shards_(shards),
      first_shard_(first_shard),
      owned_shards_(owned_shards),
      length_(length),
      partial_SL_(owned_shards * length, 0.0) {}

std::span<double> OrderedSum::partial(int64_t shard) {
  if (shard < first_shard_ || shard >= first_shard_ + owned_shards_) {
    throw std::logic_error(text("Shard ", shard, " isn't one of this rank's: ", first_shard_, " to ",
                                first_shard_ + owned_shards_ - 1, "."));
  }
  return std::span(partial_SL_).subspan((shard - first_shard_) * length_, length_);
}

void OrderedSum::clear() { std::fill(partial_SL_.begin(), partial_SL_.end(), 0.0); }

void OrderedSum::finish(Communicator& communicator, std::span<double> total) const {
  const double mine[] = {static_cast<double>(first_shard_), static_cast<double>(owned_shards_)};
  const std::vector<double> owners = communicator.all_gather(mine);
  double next = 0;
  bool in_order = true;
  for (size_t i = 0; i < owners.size(); i += 2) {
    if (owners[i + 1] > 0 && owners[i] != next) in_order = false;
    next += owners[i + 1];
  }
  if (!in_order || next != static_cast<double>(shards_)) {
    throw std::logic_error(text("The ranks' shards aren't 0 to ", shards_ - 1, " in rank order."));
  }

  // Gathered in rank order, a slice holds its shards in ascending order.
  const int64_t width =
      std::clamp<int64_t>(kGatheredAtOnce / std::max<int64_t>(1, shards_), 1, std::max<int64_t>(1, length_));
  std::vector<double> slice_SW;
  for (int64_t begin = 0; begin < length_; begin += width) {
    const int64_t columns = std::min(width, length_ - begin);
    slice_SW.clear();
    for (int64_t s = 0; s < owned_shards_; ++s) {
      const double* row = partial_SL_.data() + s * length_ + begin;
      slice_SW.insert(slice_SW.end(), row, row + columns);
    }
    const std::vector<double> all_SW = communicator.all_gather(slice_SW);
    std::fill_n(total.begin() + begin, columns, 0.0);
    for (int64_t s = 0; s < shards_; ++s) {
      for (int64_t i = 0; i < columns; ++i) total[begin + i] += all_SW[s * columns + i];
    }
  }
}

}  // namespace dcmmm
