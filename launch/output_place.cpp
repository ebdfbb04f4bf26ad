#include "launch/output_place.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

void check_place_of(const fs::path& output) {
  const auto fail = [&](const std::string& reason) {
    throw UserError(
        text("Can't write '", output.string(), "': ", reason, ", or choose another place with output=FILE."));
  };
  const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
  std::error_code none;
  const fs::path place = fs::weakly_canonical(folder, none);
  // A shell may have opened a file as /dev/stdout, and files take the place of the name that they are given.
  if (place == "/dev" || text(place.string(), "/").starts_with("/proc/"))
    fail("it is a device or a pipe, and a result is a file of its own. Give it a file's name");
  if (!fs::exists(folder, none)) fail(text("there is no folder '", folder.string(), "'. Make it with mkdir -p"));
  if (!fs::is_directory(folder, none)) fail(text("'", folder.string(), "' is no folder. Take it away"));
  if (::access(folder.c_str(), W_OK) != 0)
    fail(text("the folder '", folder.string(), "' may not be written (", std::strerror(errno), "). Allow it"));
}

}  // namespace dcmmm
