#include "comm/watchdog.hpp"

namespace dcmmm {

static double the_limit = 0;
static std::string the_activity = "the start";

void set_wait_limit(double seconds) { the_limit = seconds; }
double wait_limit() { return the_limit; }

void set_activity(const std::string& activity) { the_activity = activity; }
const std::string& activity() { return the_activity; }

}  // namespace dcmmm
