#include "data/events.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/table_reader.hpp"
#include "data/week_places.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kLongestWindow = 1000;  // steps to either side

// The table's cells as text, column by column.
class EventRows {
 public:
  explicit EventRows(const std::filesystem::path& path) : reader_(path) {
    table_.file = path.string();
    const auto& columns = reader_.columns();
    const auto find = [&](const std::string& name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end() ? name : std::string();
    };
    date_ = find("date").empty() ? find("week") : "date";
    if (date_.empty() || find("name").empty()) {
      throw UserError(text(table_.file, ": an events table needs the columns 'date' (or 'week') and 'name'. It has: ",
                           join(columns), "."));
    }
    region_ = find("region");
    window_ = find("window");
    before_ = find("weeks_before");
    after_ = find("weeks_after");
    if (!window_.empty() && !(before_.empty() && after_.empty())) {
      throw UserError(text(table_.file,
                           ": the column 'window' stands beside 'weeks_before' or 'weeks_after'. Expected "
                           "one way to say how long an event lasts."));
    }
  }

  EventTable read() {
    std::vector<std::string> names = {date_, "name"};
    for (const auto& optional : {region_, window_, before_, after_}) {
      if (!optional.empty()) names.push_back(optional);
    }
    reader_.select(names, {});
    std::vector<CellColumn> cells;
    int64_t first = 0;
    while (reader_.next(cells)) {
      for (int64_t i = 0; i < cells[0].size(); ++i) {
        row_ = first + i;
        Event event;
        event.row = row_;
        event.name = cells[1].texts[i];
        if (event.name.empty()) fail("name", "", "an event without a name", "Give it one.");
        check_one_line(event.name);
        const std::string date(cells[0].texts[i]);
        const auto time = parse_time(date);
        if (!time) fail(date_, date, "not a week", "Expected an ISO date (2024-12-25), or an integer as in the panel.");
        event.time = *time;
        size_t next = 2;
        if (!region_.empty()) event.region = cells[next++].texts[i];
        if (!window_.empty()) read_window(std::string(cells[next++].texts[i]), event);
        if (!before_.empty()) event.before = read_count(before_, std::string(cells[next++].texts[i]));
        if (!after_.empty()) event.after = read_count(after_, std::string(cells[next++].texts[i]));
        table_.events.push_back(std::move(event));
      }
      first += cells[0].size();
    }
    if (table_.events.empty())
      throw UserError(text(table_.file, ": no events, only a header. Leave data.events empty."));
    return std::move(table_);
  }

 private:
  [[noreturn]] void fail(const std::string& column, const std::string& value, const std::string& problem,
                         const std::string& advice) {
    throw UserError(text(table_.file, ", ", reader_.place(row_), ", column '", column, "': '", value, "' is ", problem,
                         ". ", advice));
  }

  // A run keeps the names of its columns as lines.
  void check_one_line(std::string name) {
    if (name.find_first_of("\r\n") == name.npos) return;
    std::replace(name.begin(), name.end(), '\r', ' ');
    std::replace(name.begin(), name.end(), '\n', ' ');
    fail("name", name, "a name with a line break", "Expected a name on one line.");
  }

  static std::optional<int64_t> integer(std::string_view digits) {
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    int64_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) return std::nullopt;
    return value;
  }

  void read_window(const std::string& window, Event& event) {
    if (window.empty()) return;
    const size_t colon = window.find(':');
    const auto from = integer(std::string_view(window).substr(0, colon));
    const auto to = colon == window.npos ? from : integer(std::string_view(window).substr(colon + 1));
    if (!from || !to || *from > *to || *from < -kLongestWindow || *to > kLongestWindow) {
      fail("window", window, "not a window of weeks", "Expected FROM:TO around the date, such as -1:2 or 0:0.");
    }
    event.before = -*from;
    event.after = *to;
  }

  int64_t read_count(const std::string& column, const std::string& value) {
    if (value.empty()) return 0;
    const auto count = integer(value);
    if (!count || *count < 0 || *count > kLongestWindow)
      fail(column, value, "not a number of weeks", text("Expected an integer from 0 to ", kLongestWindow, "."));
    return *count;
  }

  TableReader reader_;
  EventTable table_;
  std::string date_, region_, window_, before_, after_;  // column names; "" where there is none
  int64_t row_ = 0;
};

}  // namespace

EventTable read_events(const std::filesystem::path& path) { return EventRows(path).read(); }

std::string EventTable::place(const Event& event) const {
  return text(file, ", ", event.place.empty() ? TableReader(file).place(event.row) : event.place);
}

EventColumns::EventColumns(const PanelCoordinates& coordinates, const EventTable& table,
                           const std::optional<std::vector<std::string>>& names)
    : weeks_(static_cast<int64_t>(coordinates.weeks.size())), columns_(names.value_or(std::vector<std::string>())) {
  const WeekPlaces weeks(coordinates);
  std::map<std::string, int64_t> place_of_region, place_of_column;
  const bool names_regions =
      std::any_of(table.events.begin(), table.events.end(), [](const Event& event) { return !event.region.empty(); });
  for (size_t r = 0; names_regions && r < coordinates.regions.size(); ++r)
    place_of_region.emplace(coordinates.regions[r], static_cast<int64_t>(r));
  for (const auto& column : columns_) place_of_column.emplace(column, static_cast<int64_t>(place_of_column.size()));

  std::set<std::string> outside, unknown;
  for (const Event& event : table.events) {
    const std::string column = kEventPrefix + event.name;
    const int64_t step = weeks.place(
        event.time, [&] { return table.place(event); }, text("event '", event.name, "'"));
    const int64_t from = std::max<int64_t>(0, step - event.before), to = std::min(weeks_ - 1, step + event.after);
    int64_t first_region = 0, end_region = static_cast<int64_t>(coordinates.regions.size());
    if (!event.region.empty()) {
      const auto found = place_of_region.find(event.region);
      if (found == place_of_region.end()) {
        if (names) continue;  // a forecast of some regions only
        throw UserError(text(table.place(event), ", column 'region': the panel has no region '", event.region, "'.",
                             did_you_mean(event.region, coordinates.regions),
                             " Leave it empty where all regions are meant."));
      }
      first_region = found->second;
      end_region = first_region + 1;
    }
    if (from > to) {
      outside.insert(event.name);
      continue;
    }
    if (!place_of_column.contains(column)) {
      if (names) {
        unknown.insert(event.name);
        continue;
      }
      place_of_column.emplace(column, static_cast<int64_t>(columns_.size()));
      columns_.push_back(column);
    }
    windows_.push_back({place_of_column.at(column), first_region, end_region, from, to + 1});
  }

  for (const auto& column : columns_) outside.erase(column.substr(kEventPrefix.size()));
  if (!outside.empty() && !names) {
    notes_.push_back(text("Events without a week in the panel, left out: ", join({outside.begin(), outside.end()})));
  }
  if (!unknown.empty()) {
    notes_.push_back(text(table.file, ": the run was trained without the events ",
                          join({unknown.begin(), unknown.end()}), ", so their effects are unknown and left out."));
  }
}

void EventColumns::extend(PanelCoordinates& coordinates) const {
  for (const auto& column : columns_) {
    coordinates.controls.push_back(column);
    coordinates.control_columns.push_back(column);
  }
}

void EventColumns::extend(Panel& block, int64_t controls) const {
  const int64_t width = controls + static_cast<int64_t>(columns_.size());
  std::vector<double> controls_RTK(static_cast<size_t>(block.regions * weeks_ * width));
  for (int64_t cell = 0; cell < block.regions * weeks_; ++cell)
    std::copy_n(block.controls_RTK.data() + cell * controls, controls, controls_RTK.data() + cell * width);
  for (const Window& window : windows_) {
    const int64_t first = std::max<int64_t>(0, window.first_region - block.first_region),
                  end = std::min(block.regions, window.end_region - block.first_region);
    for (int64_t r = first; r < end; ++r)
      for (int64_t t = window.first_week; t < window.end_week; ++t)
        controls_RTK[(r * weeks_ + t) * width + controls + window.column] = 1;
  }
  block.controls_RTK = std::move(controls_RTK);
}

std::vector<std::string> add_events(Panel& panel, const EventTable& table,
                                    const std::optional<std::vector<std::string>>& names) {
  const EventColumns columns(panel.coordinates, table, names);
  columns.extend(panel, panel.controls());
  columns.extend(panel.coordinates);
  return columns.notes();
}

}  // namespace dcmmm
