// Scalars as text: reading the literals of the override grammar, and printing as Python's str() does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "launch/value.hpp"

namespace dcmmm {

/// Length of the longest whole number (`-20`, `1_000`) at the start of `text`, or 0. As the grammars of Hydra and
/// OmegaConf.
size_t match_integer(std::string_view text);

/// Length of the longest floating number (`3.14`, `1e-3`, `.5`, `inf`) at the start of `text`, or 0.
size_t match_float(std::string_view text);

/// `text` as null, bool, int or float when all of it is such a literal of the override grammar; nullopt when it's a
/// text. Throws UserError for a whole number beyond 64 bits.
std::optional<Value> parse_literal(std::string_view text);

/// A whole number without underscores, in base 2, 8, 10 or 16. Throws UserError beyond 64 bits.
int64_t parse_integer(std::string digits, int base);

/// A scalar inside a text, spelt as by OmegaConf: `True`, `None`, `0.1`, `1e-05`.
std::string python_text(const Value& value);

/// Whether both texts agree without regard to the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace dcmmm
