#include "launch/scalar_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char at(std::string_view text, size_t i) { return i < text.size() ? text[i] : '\0'; }

/// Digits with single underscores between them, from `i`: the index behind the last.
size_t skip_digits(std::string_view text, size_t i) {
  while (is_digit(at(text, i)) || (at(text, i) == '_' && i > 0 && is_digit(text[i - 1]) && is_digit(at(text, i + 1))))
    ++i;
  return i;
}

/// `0` or digits that don't start with 0, from `i`.
size_t skip_unsigned(std::string_view text, size_t i) {
  if (at(text, i) == '0') return i + 1;
  return is_digit(at(text, i)) ? skip_digits(text, i) : i;
}

size_t skip_sign(std::string_view text) { return at(text, 0) == '+' || at(text, 0) == '-' ? 1 : 0; }

std::string without_underscores(std::string_view text) {
  std::string out(text);
  out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
  return out;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

size_t match_integer(std::string_view text) {
  const size_t start = skip_sign(text);
  const size_t end = skip_unsigned(text, start);
  return end > start ? end : 0;
}

size_t match_float(std::string_view text) {
  const size_t start = skip_sign(text);
  const auto word = text.substr(start, 3);
  if (equal_ignoring_case(word, "inf") || equal_ignoring_case(word, "nan")) return start + 3;
  const size_t whole = skip_unsigned(text, start);
  size_t mantissa = whole > start ? whole : 0;
  size_t length = 0;
  if (at(text, whole) == '.') {
    if (is_digit(at(text, whole + 1)))
      mantissa = length = skip_digits(text, whole + 1);
    else if (whole > start)
      mantissa = length = whole + 1;
  }
  if (mantissa > 0 && (at(text, mantissa) == 'e' || at(text, mantissa) == 'E')) {
    size_t exponent = mantissa + 1;
    if (at(text, exponent) == '+' || at(text, exponent) == '-') ++exponent;
    if (is_digit(at(text, exponent))) length = skip_digits(text, exponent);
  }
  return length;
}

int64_t parse_integer(std::string digits, int base) {
  digits = without_underscores(digits);
  const char* begin = digits.c_str() + (digits[0] == '+' ? 1 : 0);
  int64_t value = 0;
  const auto result = std::from_chars(begin, digits.c_str() + digits.size(), value, base);
  if (result.ec != std::errc()) throw UserError(text("The whole number ", digits, " doesn't fit into 64 bits."));
  return value;
}

std::optional<Value> parse_literal(std::string_view text) {
  if (equal_ignoring_case(text, "null")) return Value();
  if (equal_ignoring_case(text, "true")) return Value(true);
  if (equal_ignoring_case(text, "false")) return Value(false);
  if (text.empty()) return std::nullopt;
  if (match_integer(text) == text.size()) return Value(parse_integer(std::string(text), 10));
  if (match_float(text) == text.size()) return Value(std::strtod(without_underscores(text).c_str(), nullptr));
  return std::nullopt;
}

static std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double magnitude = std::abs(value);
  const bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value,
                                    scientific ? std::chars_format::scientific : std::chars_format::fixed);
  std::string out(buffer, result.ptr);
  if (!scientific && out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string python_text(const Value& value) {
  if (value.is_null()) return "None";
  if (const auto* boolean = value.as<bool>()) return *boolean ? "True" : "False";
  if (const auto* integer = value.as<int64_t>()) return std::to_string(*integer);
  if (const auto* real = value.as<double>()) return python_float(*real);
  if (const auto* string = value.as<std::string>()) return *string;
  throw UserError(text(show(value), " is ", kind_of(value), ", which can't stand inside a text."));
}

}  // namespace dcmmm
