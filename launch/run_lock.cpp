#include "launch/run_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// 0, or the system's error. An open file's lock rather than a process's: the latter is lost when any descriptor of the
// file is closed.
int try_lock(int descriptor) {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(descriptor, F_OFD_SETLK, &whole) == 0 ? 0 : errno;
}

// Whether the path still leads to the open file: its holder takes it away at the end.
bool is_at(const fs::path& path, int descriptor) {
  struct stat opened = {}, there = {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
         opened.st_dev == there.st_dev;
}

std::string this_process() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  char now[32];
  const std::time_t seconds = std::time(nullptr);
  std::strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S", std::localtime(&seconds));
  return text("process ", ::getpid(), " on ", host, ", since ", now);
}

}  // namespace

RunLock::RunLock(const fs::path& folder) : path_(folder / "run.lock") {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
      throw UserError(text("Can't write '", path_.string(), "': ", std::strerror(errno),
                           ". Choose another place with run.dir=DIR."));
    const int failure = try_lock(descriptor_);
    if (failure == EAGAIN || failure == EACCES) {
      ::close(descriptor_);
      const std::string holder = read_text_file(path_);
      throw UserError(text("Another run is using '", folder.string(), "' (",
                           holder.empty() ? "it has just begun" : holder.substr(0, 200),
                           "). Wait for its end, stop it, or choose another run.dir."));
    }
    if (failure != 0 || is_at(path_, descriptor_)) break;
    ::close(descriptor_);  // the last holder took it away in between
  }
  const std::string holder = this_process();
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, holder.data(), holder.size(), 0) < 0) {
    const int reason = errno;
    ::close(descriptor_);
    throw UserError(text("Can't write '", path_.string(), "': ", std::strerror(reason),
                         ". Choose another place with run.dir=DIR."));
  }
}

RunLock::~RunLock() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  ::close(descriptor_);
}

}  // namespace dcmmm
