#include "data/week_places.hpp"

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {

WeekPlaces::WeekPlaces(const PanelCoordinates& coordinates)
    : step_(coordinates.step), first_(*parse_time(coordinates.weeks.front())) {
  if (!first_.is_date && coordinates.weeks.size() > 1)
    integer_step_ = parse_time(coordinates.weeks[1])->value - first_.value;
}

int64_t WeekPlaces::place(const TimePoint& time, const std::function<std::string()>& where,
                          const std::string& what) const {
  if (time.is_date != first_.is_date) {
    throw UserError(text(where(), ": ", what, " has ",
                         time.is_date ? "a date, but the panel's weeks are integers"
                                      : "an integer as its week, but the panel's weeks are dates",
                         ". Expected the same kind as in the panel, whose first week is ",
                         first_.is_date ? iso_date(first_.value) : std::to_string(first_.value), "."));
  }
  const int64_t distance = time.value - first_.value;
  if (!first_.is_date) {
    if (distance % integer_step_ != 0) {
      throw UserError(text(where(), ": week ", time.value, " of ", what,
                           " lies between the panel's weeks, which begin at ", first_.value, " in steps of ",
                           integer_step_, ". Expected one of them; correct the week."));
    }
    return distance / integer_step_;
  }
  if (step_ == TimeStep::kDay) return distance;
  if (step_ == TimeStep::kWeek) return distance >= 0 ? distance / 7 : (distance - 6) / 7;
  return month_number(time.value) - month_number(first_.value);
}

}  // namespace dcmmm
