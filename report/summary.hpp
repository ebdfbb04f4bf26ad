// The report's first paragraphs: what the figures say, in plain words.
#pragma once

#include <nlohmann/json.hpp>

namespace dcmmm {

/// A list of {"text", "kind"}: `kind` is "fact", or "warning" for what must be known before a decision. Made from
/// `run`, `metrics` and `tables` of the report's data alone; what a run doesn't have is left out.
nlohmann::ordered_json summary_of(const nlohmann::ordered_json& data);

}  // namespace dcmmm
