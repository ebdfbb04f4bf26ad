#include "data/panel.hpp"

namespace dcmmm {

double seasonal_period(TimeStep step) {
  switch (step) {
    case TimeStep::kDay:
      return 365.25;
    case TimeStep::kWeek:
      return 52.18;
    case TimeStep::kMonth:
      return 12.0;
  }
  return 52.18;
}

}  // namespace dcmmm
