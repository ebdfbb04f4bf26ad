#include "common/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;

void sync_path(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const int reason = errno;
    if (descriptor >= 0) ::close(descriptor);
    throw UserError(text("Can't write '", path.string(), "' to disk: ", std::strerror(reason), "."));
  }
  ::close(descriptor);
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  const fs::path temporary = path.string() + ".tmp";
  try {
    write(temporary);
    sync_path(temporary);
    fs::rename(temporary, path);
    sync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw UserError(text("Can't write '", path.string(), "': ", error.code().message(), "."));
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

void write_text_file(const fs::path& path, const std::string& content) {
  replace_file(path, [&](const fs::path& temporary) {
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    out << content;
    out.close();
    if (!out) {
      throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno != 0 ? errno : EIO),
                           ". Check that the folder exists, may be written and has space left."));
    }
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

std::string read_text_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (!in || !(out << in.rdbuf() || in.eof() || in.peek() == EOF)) {
    throw UserError(text("Can't read '", path.string(), "': the file is missing or not readable."));
  }
  return out.str();
}

}  // namespace dcmmm
