#include "analysis/csv_writer.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

[[noreturn]] void fail(const std::string& name) {
  throw UserError(dcmmm::text("Can't write '", name, "': ", std::strerror(errno != 0 ? errno : EIO),
                              ". Check that the folder may be written and has space left."));
}

}  // namespace

CsvWriter::CsvWriter(const std::filesystem::path& path, std::string name) : name_(std::move(name)) {
  errno = 0;
  out_.open(path, std::ios::binary | std::ios::trunc);
  if (!out_) fail(name_);
  buffer_.reserve(kBufferBytes + (1 << 12));
}

void CsvWriter::raw(std::string_view field) {
  if (row_begun_) buffer_ += ',';
  buffer_ += field;
  row_begun_ = true;
}

void CsvWriter::number(double value) {
  if (!std::isfinite(value)) return empty();
  if (value == 0) return raw("0");  // never "-0"
  char digits[64];
  const double size = std::abs(value);
  const auto format = size >= 1e-5 && size < 1e15 ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(digits, digits + sizeof digits, value, format).ptr;
  raw({digits, static_cast<std::size_t>(end - digits)});
}

void CsvWriter::empty(int fields) {
  for (int field = 0; field < fields; ++field) raw("");
}

void CsvWriter::end_row() {
  buffer_ += '\n';
  row_begun_ = false;
  if (buffer_.size() >= kBufferBytes) flush();
}

void CsvWriter::flush() {
  if (into_ != nullptr) {
    into_->append(buffer_);
    buffer_.clear();
    return;
  }
  errno = 0;
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (!out_) fail(name_);
  buffer_.clear();
}

void CsvWriter::finish() {
  flush();
  if (into_ != nullptr) return;
  out_.close();
  if (!out_) fail(name_);
}

}  // namespace dcmmm
