#include "analysis/text_columns.hpp"

namespace dcmmm {

const std::set<std::string>& text_columns() {
  static const std::set<std::string> columns = {
      "channel", "column", "component", "direction_from", "directed", "extrapolated", "group",  "identified", "kind",
      "other",   "period", "region",    "scenario",       "source",   "split",        "status", "target",     "week"};
  return columns;
}

}  // namespace dcmmm
