#include "analysis/csv_writer.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
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

// Whether a spreadsheet would run it. Numbers are none, whatever their sign.
bool is_formula(std::string_view value) {
  if (value.empty() || std::string_view("=+-@\t\r").find(value.front()) == std::string_view::npos) return false;
  const std::string copy(value);
  char* end = nullptr;
  std::strtod(copy.c_str(), &end);
  return *end != '\0' || end == copy.c_str();
}

}  // namespace

std::string csv_field(std::string_view value) {
  if (is_formula(value)) return csv_field(dcmmm::text("'", value));
  const bool padded = !value.empty() && (value.front() == ' ' || value.back() == ' ');
  if (!padded && value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char character : value) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

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
