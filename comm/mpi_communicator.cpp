#include "comm/mpi_communicator.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "comm/meeting.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

// MPI counts elements in an int: longer buffers travel in parts.
constexpr size_t kLargestPart = size_t{1} << 28;

// MPI_MAX keeps or drops a NaN by the order of its operands, which differs between ranks; here NaN always wins.
void max_with_nan(void* in, void* in_out, int* count, MPI_Datatype*) {
  const auto* theirs = static_cast<const double*>(in);
  auto* mine = static_cast<double*>(in_out);
  for (int i = 0; i < *count; ++i) {
    if (std::isnan(theirs[i]) || theirs[i] > mine[i]) mine[i] = theirs[i];
  }
}

MPI_Op nan_max() {
  static const MPI_Op operation = [] {
    MPI_Op created;
    check_mpi(MPI_Op_create(max_with_nan, /*commute=*/1, &created), "MPI_Op_create");
    return created;
  }();
  return operation;
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm group, bool owned) : group_(group), owned_(owned) {
    check_mpi(MPI_Comm_set_errhandler(group_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(group_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(group_, &size_), "MPI_Comm_size");
    meeting_ = Meeting(group_, rank_, size_);
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override {
    if (owned_) MPI_Comm_free(&group_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void all_reduce_sum(std::span<double> values) override { all_reduce(values, MPI_DOUBLE, MPI_SUM); }
  void all_reduce_sum(std::span<int64_t> values) override { all_reduce(values, MPI_INT64_T, MPI_SUM); }
  void all_reduce_max(std::span<double> values) override { all_reduce(values, MPI_DOUBLE, nan_max()); }

  std::vector<double> all_gather(std::span<const double> mine) override {
    const auto my_count = static_cast<int64_t>(mine.size());
    std::vector<int64_t> counts(size_);
    MPI_Request request;
    check_mpi(MPI_Iallgather(&my_count, 1, MPI_INT64_T, counts.data(), 1, MPI_INT64_T, group_, &request),
              "MPI_Iallgather");
    meeting_.finish(request);
    const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    if (total > INT_MAX) {
      throw std::runtime_error(text("Gathering ", total, " numbers at once is more than MPI counts (", INT_MAX, ")."));
    }
    const std::vector<int> lengths(counts.begin(), counts.end());
    std::vector<int> places(size_, 0);
    std::partial_sum(lengths.begin(), lengths.end() - 1, places.begin() + 1);
    std::vector<double> all(total);
    check_mpi(MPI_Iallgatherv(mine.data(), static_cast<int>(my_count), MPI_DOUBLE, all.data(), lengths.data(),
                              places.data(), MPI_DOUBLE, group_, &request),
              "MPI_Iallgatherv");
    meeting_.finish(request);
    return all;
  }

  void broadcast(std::string& value, int root) override {
    auto length = static_cast<int64_t>(value.size());
    MPI_Request request;
    check_mpi(MPI_Ibcast(&length, 1, MPI_INT64_T, root, group_, &request), "MPI_Ibcast");
    meeting_.finish(request);
    value.resize(length);
    for (size_t done = 0; done < value.size(); done += kLargestPart) {
      const size_t part = std::min(kLargestPart, value.size() - done);
      check_mpi(MPI_Ibcast(value.data() + done, static_cast<int>(part), MPI_CHAR, root, group_, &request),
                "MPI_Ibcast");
      meeting_.finish(request);
    }
  }

  void barrier() override {
    MPI_Request request;
    check_mpi(MPI_Ibarrier(group_, &request), "MPI_Ibarrier");
    meeting_.finish(request);
  }

  std::unique_ptr<Communicator> split(int color) override {
    meeting_.wait();
    MPI_Comm part;
    check_mpi(MPI_Comm_split(group_, color, rank_, &part), "MPI_Comm_split");
    return make_mpi_communicator(part, /*owned=*/true);
  }

  void* mpi_handle() override { return &group_; }

 private:
  // Open MPI adds every number in one place, or along one tree whose halves only swap sides; a sum of two doesn't
  // depend on the order, so every rank gets the same bits (tests/distributed/communicator_test.cpp). Calls that don't
  // block let the wait have an end, wherever the others are.
  template <class T>
  void all_reduce(std::span<T> values, MPI_Datatype type, MPI_Op operation) {
    for (size_t done = 0; done < values.size(); done += kLargestPart) {
      const size_t part = std::min(kLargestPart, values.size() - done);
      MPI_Request request;
      check_mpi(
          MPI_Iallreduce(MPI_IN_PLACE, values.data() + done, static_cast<int>(part), type, operation, group_, &request),
          "MPI_Iallreduce");
      meeting_.finish(request);
    }
  }

  MPI_Comm group_;
  bool owned_;
  int rank_ = 0, size_ = 1;
  Meeting meeting_{MPI_COMM_NULL, 0, 1};
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm group, bool owned) {
  return std::make_unique<MpiCommunicator>(group, owned);
}

void check_mpi(int result, const char* call) {
  if (result == MPI_SUCCESS) return;
  char words[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(result, words, &length);
  throw std::runtime_error(text(call, " failed: ", std::string(words, length), "."));
}

}  // namespace dcmmm
