#include "common/csv_field.hpp"

#include <cstdlib>

namespace dcmmm {
namespace {

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
  if (is_formula(value)) return csv_field(std::string("'").append(value));
  const bool padded = !value.empty() && (value.front() == ' ' || value.back() == ' ');
  if (!padded && value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char character : value) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

}  // namespace dcmmm
