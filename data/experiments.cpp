#include "data/experiments.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <unordered_map>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
#include "data/week_places.hpp"

namespace dcmmm {
namespace {

const std::vector<std::string> kColumns = {"experiment", "channel", "regions",       "first_week",
                                           "last_week",  "lift",    "standard_error"};

class ExperimentRows {
 public:
  ExperimentRows(const std::filesystem::path& path, const PanelCoordinates& coordinates, int64_t training_weeks)
      : reader_(path), file_(path.string()), names_(coordinates), training_weeks_(training_weeks), weeks_(coordinates) {
    for (const std::string& column : kColumns) {
      const auto& columns = reader_.columns();
      if (std::find(columns.begin(), columns.end(), column) == columns.end())
        throw UserError(text(file_, ": no column '", column, "'. A table of experiments needs the columns ",
                             join(kColumns), ". It has: ", join(columns), "."));
    }
    for (size_t r = 0; r < names_.regions.size(); ++r) place_of_region_[names_.regions[r]] = static_cast<int64_t>(r);
  }

  std::vector<Experiment> read() {
    reader_.select(kColumns, {});
    std::vector<Experiment> out;
    std::vector<CellColumn> cells;
    while (reader_.next(cells)) {
      for (int64_t i = 0; i < cells[0].size(); ++i, ++row_) {
        const auto cell = [&](size_t column) { return std::string(cells[column].texts[static_cast<size_t>(i)]); };
        Experiment test;
        test.name = cell(0);
        if (test.name.empty()) fail(0, "", "an experiment without a name", "Give it one.");
        test.channel = channel(cell(1));
        test.regions = regions(cell(2));
        test.first_week = week(3, cell(3), test.name);
        test.last_week = week(4, cell(4), test.name);
        if (test.first_week > test.last_week)
          fail(4, cell(4), text("before first_week, ", cell(3)), "Expected the last of the experiment's weeks.");
        test.lift = number(5, cell(5));
        test.standard_error = number(6, cell(6));
        if (test.standard_error <= 0)
          fail(6, cell(6), "not above 0", "Expected the lift's standard error, in the target's units.");
        out.push_back(std::move(test));
      }
    }
    if (out.empty()) throw UserError(text(file_, ": no experiments, only a header. Leave data.experiments empty."));
    return out;
  }

 private:
  [[noreturn]] void fail(size_t column, const std::string& value, const std::string& problem,
                         const std::string& advice) {
    throw UserError(text(file_, ", ", reader_.place(row_), ", column '", kColumns[column], "': '", value, "' is ",
                         problem, ". ", advice));
  }

  // By the name that is shown, or that of the panel's column.
  int64_t channel(const std::string& name) {
    for (const auto* names : {&names_.channels, &names_.channel_columns}) {
      const auto found = std::find(names->begin(), names->end(), name);
      if (found != names->end()) return found - names->begin();
    }
    fail(1, name, "no channel of the panel",
         text("Expected one of ", join(names_.channels), ".", did_you_mean(name, names_.channels)));
  }

  std::vector<int64_t> regions(const std::string& listed) {
    std::vector<int64_t> out;
    if (listed == "*") {
      for (size_t r = 0; r < names_.regions.size(); ++r) out.push_back(static_cast<int64_t>(r));
      return out;
    }
    if (listed.empty()) fail(2, listed, "no region", "Expected names with ';' between them, or * for all regions.");
    std::istringstream words(listed);
    for (std::string word; std::getline(words, word, ';');) {
      const size_t begin = word.find_first_not_of(' '), end = word.find_last_not_of(' ');
      const std::string name = begin == word.npos ? "" : word.substr(begin, end - begin + 1);
      const auto found = place_of_region_.find(name);
      if (found == place_of_region_.end())
        fail(2, name, "no region of the panel",
             text("Expected names with ';' between them, or * for all regions.", did_you_mean(name, names_.regions)));
      out.push_back(found->second);
    }
    std::sort(out.begin(), out.end());
    const auto twice = std::adjacent_find(out.begin(), out.end());
    if (twice != out.end())
      fail(2, names_.regions[static_cast<size_t>(*twice)], "there twice", "List each region once.");
    return out;
  }

  int64_t week(size_t column, const std::string& label, const std::string& name) {
    const auto time = parse_time(label);
    if (!time) fail(column, label, "not a week", "Expected an ISO date (2024-12-25), or an integer as in the panel.");
    const int64_t place = weeks_.place(
        *time, [&] { return text(file_, ", ", reader_.place(row_)); }, text("experiment '", name, "'"));
    if (place < 0 || place >= training_weeks_)
      fail(column, label, "not a training week",
           text("Expected a week from ", names_.weeks.front(), " to ",
                names_.weeks[static_cast<size_t>(training_weeks_ - 1)], ", on which the model trains."));
    return place;
  }

  double number(size_t column, const std::string& digits) {
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size() ||
        !std::isfinite(value))
      fail(column, digits, "not a finite number", "Expected a number in the target's units.");
    return value;
  }

  TableReader reader_;
  std::string file_;
  const PanelCoordinates& names_;
  int64_t training_weeks_, row_ = 0;
  WeekPlaces weeks_;
  std::unordered_map<std::string, int64_t> place_of_region_;
};

}  // namespace

std::vector<Experiment> read_experiments(const std::filesystem::path& path, const PanelCoordinates& coordinates,
                                         int64_t training_weeks) {
  return ExperimentRows(path, coordinates, training_weeks).read();
}

std::vector<Experiment> experiments_within(const std::vector<Experiment>& experiments, int64_t first, int64_t count) {
  std::vector<Experiment> out;
  for (Experiment test : experiments) {
    if (test.first_week < first || test.last_week >= first + count) continue;
    test.first_week -= first;
    test.last_week -= first;
    out.push_back(std::move(test));
  }
  return out;
}

}  // namespace dcmmm
