#include "launch/origin_store.hpp"

#include <cstring>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"
#include "launch/yaml_text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// Settings that say how the run is started, not what it computes.
Value without_start(Value config) {
  if (Value* run = config.child("run"))
    if (auto* entries = run->as<Value::Map>())
      std::erase_if(*entries, [](const auto& entry) {
        return entry.first == "resume" || entry.first == "overwrite" || entry.first == "dir";
      });
  return config;
}

}  // namespace

void append_numbers(const OriginForecasts& forecasts, std::vector<double>& numbers) {
  const auto add = [&](const auto& values) { numbers.insert(numbers.end(), values.begin(), values.end()); };
  add(std::vector<int64_t>{forecasts.origin, forecasts.first_week, forecasts.weeks,
                           static_cast<int64_t>(forecasts.actual_RN.size()),
                           static_cast<int64_t>(forecasts.predicted_MRN.size())});
  add(forecasts.actual_RN);
  add(forecasts.counted_RN);
  for (const auto& predicted_RN : forecasts.predicted_MRN) add(predicted_RN);
  for (const auto* values : {&forecasts.lower_RN, &forecasts.upper_RN, &forecasts.total_actual_N,
                             &forecasts.total_predicted_N, &forecasts.total_lower_N, &forecasts.total_upper_N})
    add(*values);
}

OriginForecasts take_numbers(std::vector<double>::const_iterator& next) {
  const auto take = [&](int64_t count) {
    next += count;
    return std::vector<double>(next - count, next);
  };
  OriginForecasts out;
  const std::vector<double> head = take(5);
  out.origin = static_cast<int64_t>(head[0]);
  out.first_week = static_cast<int64_t>(head[1]);
  out.weeks = static_cast<int64_t>(head[2]);
  const auto cells = static_cast<int64_t>(head[3]), methods = static_cast<int64_t>(head[4]);
  out.actual_RN = take(cells);
  const std::vector<double> counted = take(cells);
  out.counted_RN.assign(counted.begin(), counted.end());
  for (int64_t method = 0; method < methods; ++method) out.predicted_MRN.push_back(take(cells));
  out.lower_RN = take(cells);
  out.upper_RN = take(cells);
  for (auto* values : {&out.total_actual_N, &out.total_predicted_N, &out.total_lower_N, &out.total_upper_N})
    *values = take(out.weeks);
  return out;
}

OriginStore::OriginStore(fs::path folder, const Value& config, const std::string& panel_checksum)
    : folder_(std::move(folder)), settings_(sha256_of(to_yaml(without_start(config)) + panel_checksum)) {}

void OriginStore::keep(const OriginForecasts& forecasts) const {
  std::vector<double> numbers;
  append_numbers(forecasts, numbers);
  std::string bytes(numbers.size() * sizeof(double), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  fs::create_directories(folder_);
  write_text_file(folder_ / std::to_string(forecasts.origin), sha256_of(settings_ + bytes) + bytes);
}

std::map<int64_t, OriginForecasts> OriginStore::kept() const {
  std::map<int64_t, OriginForecasts> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_, none)) {
    const std::string content = read_text_file(entry.path());
    const size_t digest = sha256_of("").size();
    if (content.size() < digest) continue;
    const std::string bytes = content.substr(digest);
    if (sha256_of(settings_ + bytes) != content.substr(0, digest)) continue;
    std::vector<double> numbers(bytes.size() / sizeof(double));
    std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
    auto next = numbers.cbegin();
    OriginForecasts forecasts = take_numbers(next);
    out[forecasts.origin] = std::move(forecasts);
  }
  return out;
}

void OriginStore::clear() const { fs::remove_all(folder_); }

}  // namespace dcmmm
