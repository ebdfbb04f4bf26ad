// Arrow's answers as exceptions: arrow::Status is thrown where something failed. Included where Arrow is built in only.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>
#include <utility>

namespace dcmmm {

template <class Value>
Value take(arrow::Result<Value> result) {
  if (!result.ok()) throw arrow::Status(result.status());
  return std::move(result).ValueUnsafe();
}

inline void require(const arrow::Status& status) {
  if (!status.ok()) throw arrow::Status(status);
}

/// Arrow's reason in one line, without where in its own sources it arose.
inline std::string reason_of(const arrow::Status& status) {
  const std::string& message = status.message();
  return message.substr(0, message.find('\n'));
}

}  // namespace dcmmm
