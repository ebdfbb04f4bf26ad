#include "data/column_roles.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

using Names = std::vector<std::string>;

// The prefixes by which media and controls are guessed and which display names lose.
const Names kMediaPrefixes = {"media_", "impressions_", "spend_"};
const Names kControlPrefixes = {"control_"};
constexpr std::string_view kSpendPrefix = "spend_";

std::string lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Matches `*` to any run of characters; both in lower case.
bool glob_matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] != '*')
    return !name.empty() && pattern[0] == name[0] && glob_matches(pattern.substr(1), name.substr(1));
  return glob_matches(pattern.substr(1), name) || (!name.empty() && glob_matches(pattern, name.substr(1)));
}

Names matches(const std::string& pattern, const Names& columns) {
  Names out;
  for (const auto& column : columns) {
    if (glob_matches(lower(pattern), lower(column))) out.push_back(column);
  }
  return out;
}

// The prefix of `prefixes` that `column` begins with, in any case, or "".
std::string prefix_of(const std::string& column, const Names& prefixes) {
  for (const auto& prefix : prefixes) {
    if (column.size() > prefix.size() && lower(column).rfind(prefix, 0) == 0) return prefix;
  }
  return "";
}

std::string without_prefix(const std::string& column, const Names& prefixes) {
  return column.substr(prefix_of(column, prefixes).size());
}

class RoleAssigner {
 public:
  RoleAssigner(const Names& columns, const ColumnRoles& given, const std::map<std::string, std::string>& names,
               const std::string& file)
      : columns_(columns), given_(given), names_(names), file_(file) {}

  AssignedRoles assign(bool needs_target) {
    check_columns();
    claim_given();
    roles_.region = single("region", given_.region, {"region", "geo", "dma*"}, true);
    roles_.time = single("time", given_.time, {"week*", "time", "date*"}, true);
    roles_.target =
        single("target", given_.target, {"target*", "kpi", "revenue", "sales", "conversions"}, needs_target);
    roles_.population = single("population", given_.population, {"population"}, false);
    assign_media();
    assign_controls();
    assign_spend();
    roles_.channel_names = display_names(roles_.media, kMediaPrefixes);
    roles_.control_names = display_names(roles_.controls, kControlPrefixes);
    check_names();
    for (const auto& column : columns_) {
      if (!role_of_.count(column) && !contains(roles_.spend_columns, column)) roles_.ignored.push_back(column);
    }
    return roles_;
  }

 private:
  void check_columns() const {
    std::set<std::string> seen;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].empty()) {
        throw UserError(
            text(file_, ": column ", i + 1, " has no name. Expected a name for every column in the first line."));
      }
      if (!seen.insert(columns_[i]).second) {
        throw UserError(
            text(file_, ": duplicate column name '", columns_[i], "'. Rename or remove one of the two columns."));
      }
    }
  }

  [[noreturn]] void fail_unknown(const std::string& key, const std::string& column) const {
    throw UserError(text(file_, ": no column '", column, "', which ", key, " names.", did_you_mean(column, columns_),
                         " The columns are: ", join(columns_), "."));
  }

  void claim(const std::string& column, const std::string& role) {
    const auto [place, is_new] = role_of_.emplace(column, role);
    if (is_new) return;
    const std::string problem = place->second == role ? text("is named twice as ", role)
                                                      : text("has two roles, ", place->second, " and ", role);
    throw UserError(text(file_, ": column '", column, "' ", problem, ". Name each column once in the data group."));
  }

  Names expand(const std::string& key, const Names& entries) const {
    Names out;
    for (const auto& entry : entries) {
      const bool is_pattern = entry.find('*') != std::string::npos;
      const Names found = is_pattern ? matches(entry, columns_) : contains(columns_, entry) ? Names{entry} : Names{};
      if (found.empty()) fail_unknown(key, entry);
      out.insert(out.end(), found.begin(), found.end());
    }
    return out;
  }

  // Roles that the user gave come first, so that a guess never takes their columns.
  void claim_given() {
    const auto claim_one = [&](const std::string& role, const std::optional<std::string>& column) {
      if (!column || (column->empty() && role == "population")) return;
      if (!contains(columns_, *column)) fail_unknown("data." + role, *column);
      claim(*column, role);
    };
    claim_one("region", given_.region);
    claim_one("time", given_.time);
    claim_one("target", given_.target);
    claim_one("population", given_.population);
    if (given_.media) {
      roles_.media = expand("data.media", *given_.media);
      for (const auto& column : roles_.media) claim(column, "media");
    }
    if (given_.controls) {
      roles_.controls = expand("data.controls", *given_.controls);
      for (const auto& column : roles_.controls) claim(column, "controls");
    }
  }

  Names unclaimed(const std::string& pattern) const {
    Names out;
    for (const auto& column : matches(pattern, columns_)) {
      if (!role_of_.count(column)) out.push_back(column);
    }
    return out;
  }

  std::string single(const std::string& role, const std::optional<std::string>& given, const Names& patterns,
                     bool needed) {
    if (given) return *given;
    for (const auto& pattern : patterns) {
      Names found = unclaimed(pattern);
      const std::string stem = pattern.substr(0, pattern.find('*'));
      const auto exact =
          std::find_if(found.begin(), found.end(), [&](const auto& name) { return lower(name) == stem; });
      if (exact != found.end()) found = Names{*exact};  // `week` before `week_of_year`
      if (found.size() > 1) {
        throw UserError(text(file_, ": any of the columns ", join(found), " could be the ", role, ". Say which: data.",
                             role, "=", found.front()));
      }
      if (found.size() == 1) {
        claim(found.front(), role);
        roles_.guessed.insert(role);
        return found.front();
      }
    }
    if (!needed) return "";
    throw UserError(text(file_, ": missing column: none is named like a ", role, " (", join(patterns, " | "),
                         "). Name it: data.", role, "=COLUMN. The columns are: ", join(columns_), "."));
  }

  void assign_media() {
    if (!given_.media) {
      Names units, spends;
      for (const auto& column : columns_) {
        if (role_of_.count(column) || contains(given_.spend, column)) continue;
        const std::string prefix = prefix_of(column, kMediaPrefixes);
        if (prefix == kSpendPrefix) {
          spends.push_back(column);
        } else if (!prefix.empty()) {
          units.push_back(column);
        }
      }
      // Beside `impressions_tv`, `spend_tv` is that channel's spend, not another channel.
      for (const auto& column : columns_) {
        const bool is_unit = contains(units, column);
        if (is_unit || (contains(spends, column) && !is_spend_of_some(column, units))) roles_.media.push_back(column);
      }
      for (const auto& column : roles_.media) claim(column, "media");
      roles_.guessed.insert("media");
    }
    if (roles_.media.empty()) {
      throw UserError(text(file_, ": no media columns: none is named like media_*, impressions_* or spend_*. ",
                           "Name them: data.media=[COLUMN,...]. The columns are: ", join(columns_), "."));
    }
  }

  bool is_spend_of_some(const std::string& spend, const Names& units) const {
    for (const auto& [media, column] : given_.spend_of) {
      if (column == spend) return true;
    }
    return std::any_of(units.begin(), units.end(), [&](const std::string& unit) {
      return lower(without_prefix(unit, kMediaPrefixes)) == lower(without_prefix(spend, kMediaPrefixes));
    });
  }

  void assign_controls() {
    if (given_.controls) return;
    roles_.controls = unclaimed(kControlPrefixes.front() + "*");
    for (const auto& column : roles_.controls) claim(column, "controls");
    roles_.guessed.insert("controls");
  }

  void assign_spend() {
    const size_t channels = roles_.media.size();
    Names spend(channels);
    std::vector<double> cost(channels, 0.0);
    const bool is_given = !given_.spend.empty() || !given_.spend_of.empty() || !given_.cost.empty();
    if (!given_.spend.empty()) {
      if (given_.spend.size() != channels) {
        throw UserError(text(file_, ": data.spend names ", given_.spend.size(), " columns for ", channels,
                             " media columns (", join(roles_.media), "). Expected one each, in the same order."));
      }
      spend = given_.spend;
    }
    for (const auto& [media, column] : given_.spend_of) spend[channel("data.spend", media)] = column;
    for (const auto& column : spend) {
      if (!column.empty() && !contains(columns_, column)) fail_unknown("data.spend", column);
    }
    for (const auto& [media, price] : given_.cost) {
      const size_t c = channel("data.cost", media);
      if (!spend[c].empty()) {
        throw UserError(text(file_, ": media column '", media, "' has both a spend column ('", spend[c],
                             "') and a price (data.cost). Keep one of them."));
      }
      if (!(price > 0) || !std::isfinite(price)) {
        throw UserError(
            text("data.cost of '", media, "' is ", shortest(price), ". Expected a price above 0 per media unit."));
      }
      cost[c] = price;
    }
    size_t known = 0;
    for (size_t c = 0; c < channels; ++c) {
      if (spend[c].empty() && cost[c] == 0.0 && !is_given) spend[c] = guess_spend(roles_.media[c]);
      if (!spend[c].empty() || cost[c] > 0) ++known;
    }
    if (is_given && known < channels) {
      Names unknown;
      for (size_t c = 0; c < channels; ++c) {
        if (spend[c].empty() && cost[c] == 0.0) unknown.push_back(roles_.media[c]);
      }
      throw UserError(text(file_, ": neither data.spend nor data.cost covers ", join(unknown),
                           ". Give every media column a spend column or a price, or none of them."));
    }
    if (known == channels) {
      roles_.spend_columns = spend;
      roles_.cost_C = cost;
      if (!is_given) roles_.guessed.insert("spend");
      for (size_t c = 0; c < channels; ++c) {
        if (!spend[c].empty() && spend[c] != roles_.media[c]) claim(spend[c], "spend");
      }
    } else {
      roles_.notes.push_back(
          text(known == 0 ? "No spend" : "Spend of some channels only",
               ": ROI will be per media unit. Name spend columns (data.spend) or prices (data.cost) for ROI "
               "in currency."));
    }
  }

  size_t channel(const std::string& key, const std::string& media) const {
    const auto found = std::find(roles_.media.begin(), roles_.media.end(), media);
    if (found == roles_.media.end()) {
      throw UserError(text(file_, ": ", key, " names '", media, "', which is no media column.",
                           did_you_mean(media, roles_.media), " The media columns are: ", join(roles_.media), "."));
    }
    return static_cast<size_t>(found - roles_.media.begin());
  }

  // A media column in currency is its own spend; otherwise `spend_tv` belongs to `impressions_tv`.
  std::string guess_spend(const std::string& media) const {
    if (prefix_of(media, kMediaPrefixes) == kSpendPrefix) return media;
    for (const auto& column : unclaimed(std::string(kSpendPrefix) + "*")) {
      if (is_spend_of_some(column, {media})) return column;
    }
    return "";
  }

  // A name that collides with another one's keeps its prefix.
  Names display_names(const Names& columns, const Names& prefixes) const {
    std::map<std::string, int> uses;
    for (const auto& column : columns) ++uses[without_prefix(column, prefixes)];
    Names out;
    for (const auto& column : columns) {
      const auto named = names_.find(column);
      const std::string bare = without_prefix(column, prefixes);
      out.push_back(named != names_.end() ? named->second : uses[bare] == 1 ? bare : column);
    }
    return out;
  }

  void check_names() const {
    for (const auto& [column, name] : names_) {
      if (!contains(columns_, column)) fail_unknown("data.names", column);
      if (name.empty())
        throw UserError(text("data.names gives column '", column, "' an empty name. Expected a display name."));
    }
    for (const auto& names : {roles_.channel_names, roles_.control_names}) {
      std::set<std::string> seen;
      for (const auto& name : names) {
        if (!seen.insert(name).second) {
          throw UserError(text(file_, ": two columns share the display name '", name,
                               "'. Give them different ones in data.names."));
        }
      }
    }
  }

  const Names& columns_;
  const ColumnRoles& given_;
  const std::map<std::string, std::string>& names_;
  const std::string& file_;
  AssignedRoles roles_;
  std::map<std::string, std::string> role_of_;
};

}  // namespace

AssignedRoles assign_roles(const std::vector<std::string>& columns, const ColumnRoles& given,
                           const std::map<std::string, std::string>& names, const std::string& file,
                           bool needs_target) {
  return RoleAssigner(columns, given, names, file).assign(needs_target);
}

std::string describe(const AssignedRoles& roles) {
  std::vector<std::array<std::string, 4>> rows = {{"role", "column", "name", "how"}};
  const auto how = [&](const std::string& role) { return roles.guessed.count(role) ? "guessed" : "given"; };
  rows.push_back({"region", roles.region, "", how("region")});
  rows.push_back({"time", roles.time, "", how("time")});
  if (!roles.target.empty()) rows.push_back({"target", roles.target, "", how("target")});
  for (size_t c = 0; c < roles.media.size(); ++c) {
    rows.push_back({"media", roles.media[c], roles.channel_names[c], how("media")});
  }
  for (size_t k = 0; k < roles.controls.size(); ++k) {
    rows.push_back({"control", roles.controls[k], roles.control_names[k], how("controls")});
  }
  if (!roles.population.empty()) rows.push_back({"population", roles.population, "", how("population")});
  for (size_t c = 0; c < roles.spend_columns.size(); ++c) {
    const bool is_priced = roles.spend_columns[c].empty();
    rows.push_back({"spend", is_priced ? shortest(roles.cost_C[c]) + " per unit" : roles.spend_columns[c],
                    roles.channel_names[c], how("spend")});
  }
  for (const auto& column : roles.ignored) rows.push_back({"not used", column, "", ""});

  std::array<size_t, 3> widths{};
  for (const auto& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::ostringstream out;
  for (const auto& row : rows) {
    std::ostringstream line;
    for (size_t i = 0; i < widths.size(); ++i)
      line << std::left << std::setw(static_cast<int>(widths[i]) + 2) << row[i];
    line << row[3];
    const std::string padded = line.str();
    out << padded.substr(0, padded.find_last_not_of(' ') + 1) << "\n";
  }
  return out.str();
}

}  // namespace dcmmm
