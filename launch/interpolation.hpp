// Interpolations in config values: `${a.b}`, `${.sibling}`, `${..x}`, `${oc.env:NAME,default}`, `${oc.decode:text}`,
// `${now:%Y-%m-%d}`.
#pragma once

#include <string>
#include <vector>

#include "launch/value.hpp"

namespace dcmmm {

/// Replaces every interpolation of the tree by what it stands for, by the rules of OmegaConf 2.3: alone it keeps the
/// type, within a text it becomes text, `\${` is a literal `${`. "???" stays as it is; an interpolation to "???" is an
/// error. Throws UserError that names the key, the interpolation and the nearest existing key.
Value resolve_interpolations(const Value& root);

/// The resolved value at a path ({"a", "b"}). Throws UserError when it doesn't exist or can't be resolved.
Value resolve_at(const Value& root, const std::vector<std::string>& path);

}  // namespace dcmmm
