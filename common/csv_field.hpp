#pragma once

#include <string>
#include <string_view>

namespace dcmmm {

/// A field as RFC 4180 wants it: in quotes, with inner quotes doubled, when it holds a comma, a quote, a line break or
/// a space at either end; otherwise as it is. Text that a spreadsheet would run as a formula gets a ' in front
/// (OWASP, CSV injection).
std::string csv_field(std::string_view value);

}  // namespace dcmmm
