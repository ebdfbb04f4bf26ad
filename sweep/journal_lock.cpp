#include "sweep/journal_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kGrace = std::chrono::seconds(30);  // Optuna's

bool set_system_lock(int descriptor, short type) {
  struct flock whole = {};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  int done = 0;
  do done = ::fcntl(descriptor, F_OFD_SETLKW, &whole);
  while (done != 0 && errno == EINTR);
  return done == 0;
}

// The link by its own name for the journal: "./NAME" is dcmmm's, Optuna's is the path that it was given.
std::string own_target(const fs::path& journal) { return "./" + journal.filename().string(); }

// By way of another name, as Optuna: of several that take an old link away, one does.
void take_away(const fs::path& link) {
  const std::string aside = text(link.string(), ".", ::getpid(), ".rename");
  if (::rename(link.c_str(), aside.c_str()) == 0) ::unlink(aside.c_str());
}

}  // namespace

JournalLock::JournalLock(const fs::path& journal, int descriptor)
    : link_(journal.string() + ".lock"), descriptor_(descriptor) {
  const bool has_system_lock = set_system_lock(descriptor_, F_WRLCK);
  const std::string target = own_target(journal);
  auto pause = std::chrono::milliseconds(1);
  auto last_change = Clock::now();
  struct timespec changed = {};
  while (::symlink(target.c_str(), link_.c_str()) != 0) {
    if (errno != EEXIST) {
      const std::string reason = std::strerror(errno);
      if (has_system_lock) set_system_lock(descriptor_, F_UNLCK);
      throw UserError(text("Can't lock '", journal.string(), "' (a link '", link_.string(), "'): ", reason, "."));
    }
    char held[4096];
    const ssize_t read = ::readlink(link_.c_str(), held, sizeof held);
    struct stat there = {};
    if ((read < 0 && errno != EINVAL) || ::stat(journal.c_str(), &there) != 0) continue;  // it has gone meanwhile
    const auto length = static_cast<size_t>(std::max<ssize_t>(read, 0));  // none: a file, Optuna's other kind of lock
    if (there.st_mtim.tv_sec != changed.tv_sec || there.st_mtim.tv_nsec != changed.tv_nsec) {
      changed = there.st_mtim;
      last_change = Clock::now();
    }
    const bool is_own = std::string_view(held, length) == target;
    if ((is_own && has_system_lock) || Clock::now() - last_change > kGrace) {
      take_away(link_);
      continue;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(200));
  }
}

JournalLock::~JournalLock() {
  take_away(link_);
  set_system_lock(descriptor_, F_UNLCK);
}

}  // namespace dcmmm
