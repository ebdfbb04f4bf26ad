#include "common/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

namespace {

constexpr const char* kWriteAdvice = ". Check that the folder exists, may be written and has space left.";

[[noreturn]] void fail_writing(const fs::path& path, int reason) {
  throw UserError(text("Can't write '", path.string(), "': ", std::strerror(reason), kWriteAdvice));
}

bool is_path_of(int file, const fs::path& path) {
  struct stat open_one {
  }, named{};
  return fstat(file, &open_one) == 0 && stat(path.c_str(), &named) == 0 && open_one.st_dev == named.st_dev &&
         open_one.st_ino == named.st_ino;
}

// Opens a file that this process alone may write: whoever comes second is refused, and a killed process's lock is gone
// with it.
int open_locked(const fs::path& temporary, const fs::path& path) {
  for (;;) {
    const int file = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) fail_writing(path, errno);
    if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {  // else a file system without locks
      ::close(file);
      throw UserError(text("Can't write '", path.string(),
                           "': another process is writing it just now. Wait for its end, or choose another output."));
    }
    if (is_path_of(file, temporary)) return file;
    ::close(file);  // another's that got its name meanwhile
  }
}

}  // namespace

void sync_path(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const int reason = errno;
    if (descriptor >= 0) ::close(descriptor);
    // Some file systems sync no folders, and a folder may be written that may not be read.
    if (fs::is_directory(path) && (reason == EINVAL || reason == EBADF || reason == EACCES)) return;
    throw UserError(text("Can't write '", path.string(), "' to disk: ", std::strerror(reason), kWriteAdvice));
  }
  ::close(descriptor);
}

PendingFile::PendingFile(const fs::path& path) : path_(path), temporary_(path.string() + ".tmp") {
  struct stat old {};
  if (stat(path.c_str(), &old) == 0 && !S_ISREG(old.st_mode))
    throw UserError(text("Can't write '", path.string(), "': it is ",
                         S_ISDIR(old.st_mode) ? "a folder" : "a device or a pipe",
                         ", which would be replaced by a file. Choose a file's name."));
  lock_ = open_locked(temporary_, path_);
}

PendingFile::~PendingFile() {
  std::error_code ignored;
  if (!is_published_) fs::remove(temporary_, ignored);
  ::close(lock_);
}

void PendingFile::publish() {
  sync_path(temporary_);
  std::error_code problem;
  fs::rename(temporary_, path_, problem);
  if (problem) throw UserError(text("Can't write '", path_.string(), "': ", problem.message(), kWriteAdvice));
  is_published_ = true;
  sync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  PendingFile file(path);
  write(file.temporary());
  file.publish();
}

void write_text_file(const fs::path& path, const std::string& content) {
  replace_file(path, [&](const fs::path& temporary) {
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    out << content;
    out.close();
    if (!out) fail_writing(path, errno != 0 ? errno : EIO);
  });
}

void refuse_to_replace(const fs::path& output, const fs::path& input, const std::string& key) {
  std::error_code none;
  if (fs::equivalent(output, input, none))
    throw UserError(text("output is '", output.string(), "', the file that ", key,
                         " names: it would be replaced. Choose another output."));
}

std::string describe(const fs::filesystem_error& error) {
  return text("Can't use '", error.path1().string(), "': ", error.code().message(),
              ". Check the path, and that its folders may be read and written.");
}

void read_blocks(const fs::path& path, const std::function<void(std::string_view)>& take) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  const auto fail = [&] {
    throw UserError(text("Can't read '", path.string(), "': ", std::strerror(errno != 0 ? errno : EIO),
                         ". Check the path, and that the file may be read."));
  };
  if (!in) fail();
  std::vector<char> block(1 << 20);
  while (in) {
    errno = 0;
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    if (in.bad()) fail();
    take({block.data(), static_cast<size_t>(in.gcount())});
  }
}

std::string read_text_file(const fs::path& path) {
  std::string out;
  read_blocks(path, [&](std::string_view block) { out += block; });
  return out;
}

}  // namespace dcmmm
