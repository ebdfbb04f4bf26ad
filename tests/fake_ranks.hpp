// Ranks as threads of one process: what a collective function does on several ranks, without MPI.
#pragma once

#include <algorithm>
#include <barrier>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "comm/communicator.hpp"

namespace dcmmm {

class FakeRank final : public Communicator {
 public:
  struct Shared {
    explicit Shared(int ranks) : brought(static_cast<std::size_t>(ranks)), meet(ranks) {}
    std::vector<std::vector<double>> brought;
    std::string spoken;
    std::barrier<> meet;
  };

  FakeRank(Shared& shared, int rank) : shared_(shared), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(shared_.brought.size()); }
  void all_reduce_sum(std::span<double> values) override { sum(values); }
  void all_reduce_sum(std::span<int64_t> values) override { sum(values); }
  void all_reduce_max(std::span<double> values) override {
    exchange({values.begin(), values.end()}, [&](const auto& brought) {
      for (const auto& row : brought) {
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::max(values[i], row[i]);
      }
    });
  }
  std::vector<double> all_gather(std::span<const double> mine) override {
    std::vector<double> all;
    exchange({mine.begin(), mine.end()}, [&](const auto& brought) {
      for (const auto& row : brought) all.insert(all.end(), row.begin(), row.end());
    });
    return all;
  }
  void broadcast(std::string& value, int root) override {
    if (rank_ == root) shared_.spoken = value;
    barrier();
    value = shared_.spoken;
    barrier();
  }
  void barrier() override { shared_.meet.arrive_and_wait(); }
  std::unique_ptr<Communicator> split(int) override { throw std::logic_error("fake ranks don't split"); }

 private:
  void exchange(std::vector<double> mine, const std::function<void(const std::vector<std::vector<double>>&)>& use) {
    shared_.brought[static_cast<std::size_t>(rank_)] = std::move(mine);
    barrier();
    use(shared_.brought);
    barrier();
  }
  template <class Number>
  void sum(std::span<Number> values) {
    exchange({values.begin(), values.end()}, [&](const auto& brought) {
      std::fill(values.begin(), values.end(), Number{0});
      for (const auto& row : brought) {
        for (std::size_t i = 0; i < values.size(); ++i) values[i] += static_cast<Number>(row[i]);
      }
    });
  }

  Shared& shared_;
  int rank_;
};

/// Runs `work` on `ranks` threads, each with its communicator.
inline void on_fake_ranks(int ranks, const std::function<void(Communicator&)>& work) {
  FakeRank::Shared shared(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&shared, &work, rank] {
      FakeRank communicator(shared, rank);
      work(communicator);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace dcmmm
