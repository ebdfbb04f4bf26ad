#include "report/table_json.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "analysis/text_columns.hpp"
#include "common/csv_field.hpp"

namespace dcmmm {
namespace {

using Json = nlohmann::ordered_json;

// One field from `at` on, which is left behind the comma or line break that ends it; `last` says which of them.
std::string next_field(const std::string& csv, std::size_t& at, bool& last) {
  std::string out;
  if (at < csv.size() && csv[at] == '"') {
    for (++at; at < csv.size(); ++at) {
      if (csv[at] != '"') {
        out += csv[at];
      } else if (at + 1 < csv.size() && csv[at + 1] == '"') {
        out += csv[++at];
      } else {
        ++at;
        break;
      }
    }
  } else {
    const std::size_t end = std::min(csv.find_first_of(",\n", at), csv.size());
    out = csv.substr(at, end - at);
    at = end;
  }
  last = at >= csv.size() || csv[at] == '\n';
  ++at;
  return out;
}

// Without the ' that a CSV file has before what a spreadsheet would run: a page shows the name itself.
std::string unguarded(const std::string& field) {
  const bool is_guarded = field.starts_with('\'') && csv_field(field.substr(1)) == csv_field(field);
  return is_guarded ? field.substr(1) : field;
}

class Column {
 public:
  explicit Column(bool is_text) : is_text_(is_text) {}

  void add(const std::string& field) {
    if (!is_text_) {
      numbers_.push_back(field.empty() ? Json(nullptr) : Json(std::strtod(field.c_str(), nullptr)));
      return;
    }
    const std::string label = unguarded(field);
    const auto [place, is_new] = code_of_.try_emplace(label, code_of_.size());
    if (is_new) labels_.push_back(label);
    codes_.push_back(place->second);
  }

  Json json() const { return is_text_ ? Json{{"labels", labels_}, {"codes", codes_}} : numbers_; }

 private:
  bool is_text_;
  Json numbers_ = Json::array(), labels_ = Json::array(), codes_ = Json::array();
  std::map<std::string, std::size_t> code_of_;
};

}  // namespace

std::vector<std::string> next_row(std::istream& csv) {
  std::string row;
  for (std::string line; std::getline(csv, line);) {
    row += line;
    if (std::count(row.begin(), row.end(), '"') % 2 == 0) break;
    row += '\n';  // within a name
  }
  std::vector<std::string> out;
  std::size_t at = 0;
  for (bool last = row.empty(); !last;) out.push_back(unguarded(next_field(row, at, last)));
  return out;
}

Json table_json(const std::string& csv) {
  std::vector<std::string> names;
  std::vector<Column> columns;
  std::size_t at = 0;
  for (bool last = false; !last;) names.push_back(next_field(csv, at, last));
  columns.reserve(names.size());
  for (const std::string& name : names) columns.emplace_back(text_columns().contains(name));
  std::size_t rows = 0;
  for (; at < csv.size(); ++rows) {
    bool last = false;
    for (std::size_t c = 0; !last; ++c) {
      const std::string field = next_field(csv, at, last);
      if (c < columns.size()) columns[c].add(field);
    }
  }
  Json values = Json::object();
  for (std::size_t c = 0; c < names.size(); ++c) values[names[c]] = columns[c].json();
  return {{"columns", names}, {"rows", rows}, {"values", values}};
}

}  // namespace dcmmm
