// Stands before the C library's and MPI's calls: an executable's symbols come first, whichever library makes the call.
#include "tests/faults/injector.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <mpi.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace dcmmm::testing {
namespace {

std::mutex mutex;
std::vector<Fault> list;
bool armed = false;  // set once the list is there: before that the calls pass, whatever is constructed already

int own_rank() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return rank ? std::atoi(rank) : 0;
}

[[noreturn]] void hang() {
  for (;;) pause();
}

// What a fault does by itself; the rest ("eio", ...) is the caller's.
void act(const std::string& what) {
  if (what == "kill") raise(SIGKILL);
  if (what == "hang") hang();
  if (what == "term") raise(SIGTERM);
  if (what == "int") raise(SIGINT);
  if (what == "usr1") raise(SIGUSR1);
}

// When the first fault came, for who waits for the end: a file's time. By the kernel, past the calls below.
void say_hit() {
  if (const char* path = std::getenv("DCMMM_FAULTS_HIT")) {
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_EXCL, 0644));
  }
}

// The fault that is due at this call, or "".
std::string due(const std::string& at, const std::string& file) {
  const std::lock_guard guard(mutex);
  for (Fault& fault : list) {
    if (fault.at != at || fault.rank != own_rank() || file.find(fault.file) == file.npos) continue;
    ++fault.seen;
    if (fault.seen == fault.nth || (fault.lasting && fault.seen > fault.nth)) {
      say_hit();
      return fault.what;
    }
  }
  return "";
}

// A call at a point where something may happen, or not: 0, or the system's error that the call gives back.
int error_of(const std::string& what) {
  if (what.empty()) return 0;
  act(what);
  if (what == "eio") return EIO;
  if (what == "enospc") return ENOSPC;
  if (what == "eacces") return EACCES;
  return 0;
}

std::string path_of(int descriptor) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<size_t>(length));
}

template <class Call>
Call* next(Call*, const char* name) {
  return reinterpret_cast<Call*>(dlsym(RTLD_NEXT, name));
}
#define NEXT(name) static const auto real = next(&::name, #name)

// Runs `whole`, or `part` where half of the write is done, or fails.
template <class Whole, class Part>
ssize_t faulty_write(int descriptor, const Whole& whole, const Part& part) {
  const std::string what = armed ? due("write", path_of(descriptor)) : "";
  if (what == "short") return part();
  if (const int error = error_of(what); error != 0) {
    errno = error;
    return -1;
  }
  return whole();
}

bool refused(const char* at, const std::string& path) {
  if (!armed) return false;
  const int error = error_of(due(at, path));
  if (error != 0) errno = error;
  return error != 0;
}

bool collective() {
  const std::string what = armed ? due("collective", "") : "";
  if (what == "kill") return true;
  act(what);
  return false;
}

struct FromEnvironment {
  FromEnvironment() {
    if (const char* text = std::getenv("DCMMM_FAULTS")) set_faults(parse_faults(text));
  }
  ~FromEnvironment() { say_what_was_seen(); }
  // The program ends without destructors.
  static void say_what_was_seen() {
    const char* path = std::getenv("DCMMM_FAULTS_SEEN");
    if (path == nullptr) return;
    armed = false;
    std::ofstream out(path + std::to_string(own_rank()));
    for (const Fault& fault : list) out << fault.seen << "\n";
  }
} const from_environment;

}  // namespace

std::vector<Fault> parse_faults(const std::string& text) {
  std::vector<Fault> out;
  std::istringstream faults(text);
  for (std::string words; std::getline(faults, words, ';');) {
    Fault fault;
    std::istringstream fields(words);
    for (std::string field; std::getline(fields, field, ',');) {
      const size_t equals = field.find('=');
      const std::string key = field.substr(0, equals), value = equals == field.npos ? "" : field.substr(equals + 1);
      if (key == "at")
        fault.at = value;
      else if (key == "file")
        fault.file = value;
      else if (key == "do")
        fault.what = value;
      else if (key == "nth")
        fault.nth = std::stoi(value);
      else if (key == "rank")
        fault.rank = std::stoi(value);
      else if (key == "lasting")
        fault.lasting = true;
      else
        throw std::invalid_argument("a fault has no field '" + key + "'");
    }
    out.push_back(fault);
  }
  return out;
}

void set_faults(std::vector<Fault> faults) {
  const std::lock_guard guard(mutex);
  list = std::move(faults);
  armed = !list.empty();
}

int calls_seen() {
  const std::lock_guard guard(mutex);
  return list.empty() ? 0 : list[0].seen;
}

}  // namespace dcmmm::testing

using namespace dcmmm::testing;

extern "C" {

void dcmmm_fault_point(const char* name, double* values, size_t count) {
  if (std::string(name) == "end") FromEnvironment::say_what_was_seen();
  if (!armed) return;
  const std::string what = due(name, "");
  act(what);
  if (what == "nan" && count > 0) values[0] = std::numeric_limits<double>::quiet_NaN();
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  NEXT(write);
  return faulty_write(
      descriptor, [&] { return real(descriptor, bytes, count); },
      [&] { return real(descriptor, bytes, (count + 1) / 2); });
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  NEXT(pwrite);
  return faulty_write(
      descriptor, [&] { return real(descriptor, bytes, count, offset); },
      [&] { return real(descriptor, bytes, (count + 1) / 2, offset); });
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  NEXT(pwrite64);
  return faulty_write(
      descriptor, [&] { return real(descriptor, bytes, count, offset); },
      [&] { return real(descriptor, bytes, (count + 1) / 2, offset); });
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  NEXT(writev);
  return faulty_write(
      descriptor, [&] { return real(descriptor, parts, count); },
      [&] { return ::write(descriptor, parts[0].iov_base, (parts[0].iov_len + 1) / 2); });
}

int fsync(int descriptor) {
  NEXT(fsync);
  return armed && refused("sync", path_of(descriptor)) ? -1 : real(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  NEXT(rename);
  return refused("rename", to) ? -1 : real(from, to);
}

int open(const char* path, int flags, ...) {
  NEXT(open);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return (flags & O_ACCMODE) != O_RDONLY && refused("open", path) ? -1 : real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  NEXT(open64);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return (flags & O_ACCMODE) != O_RDONLY && refused("open", path) ? -1 : real(path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  NEXT(fopen64);
  return mode[0] != 'r' && refused("open", path) ? nullptr : real(path, mode);
}

// A call dies in its middle: it has begun, and will not take the others' part.
int MPI_Iallreduce(const void* from, void* to, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm group,
                   MPI_Request* request) {
  const bool dies = collective();
  const int result = PMPI_Iallreduce(from, to, count, type, operation, group, request);
  if (dies) raise(SIGKILL);
  return result;
}

int MPI_Ibcast(void* buffer, int count, MPI_Datatype type, int root, MPI_Comm group, MPI_Request* request) {
  const bool dies = collective();
  const int result = PMPI_Ibcast(buffer, count, type, root, group, request);
  if (dies) raise(SIGKILL);
  return result;
}

int MPI_Iallgather(const void* from, int count, MPI_Datatype type, void* to, int to_count, MPI_Datatype to_type,
                   MPI_Comm group, MPI_Request* request) {
  const bool dies = collective();
  const int result = PMPI_Iallgather(from, count, type, to, to_count, to_type, group, request);
  if (dies) raise(SIGKILL);
  return result;
}

int MPI_Iallgatherv(const void* from, int count, MPI_Datatype type, void* to, const int counts[], const int places[],
                    MPI_Datatype to_type, MPI_Comm group, MPI_Request* request) {
  const bool dies = collective();
  const int result = PMPI_Iallgatherv(from, count, type, to, counts, places, to_type, group, request);
  if (dies) raise(SIGKILL);
  return result;
}

int MPI_Ibarrier(MPI_Comm group, MPI_Request* request) {
  const bool dies = collective();
  const int result = PMPI_Ibarrier(group, request);
  if (dies) raise(SIGKILL);
  return result;
}

}  // extern "C"
