#include "sweep/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "sweep/journal_lock.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPythonWords[] = {"NaN", "-Infinity", "Infinity"};

struct Descriptor {
  explicit Descriptor(const fs::path& path) : number(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (number < 0) throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno), "."));
  }
  ~Descriptor() { ::close(number); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

// Where the last whole line ends.
off_t whole_lines(int descriptor) {
  off_t end = ::lseek(descriptor, 0, SEEK_END);
  char block[4096];
  while (end > 0) {
    const off_t from = std::max<off_t>(0, end - static_cast<off_t>(sizeof block));
    const ssize_t count = ::pread(descriptor, block, static_cast<size_t>(end - from), from);
    if (count <= 0) return end;
    for (ssize_t i = count; i-- > 0;)
      if (block[i] == '\n') return from + i + 1;
    end = from;
  }
  return 0;
}

// Optuna writes Python's JSON, which has words for what JSON has none: NaN and the infinities. null stands for them
// here.
std::string without_python_words(const std::string& line) {
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (in_text && line[i] == '\\' && i + 1 < line.size()) {
      out += line[i++];
    } else if (line[i] == '"') {
      in_text = !in_text;
    } else if (!in_text) {
      const std::string_view rest = std::string_view(line).substr(i);
      const auto word = std::find_if(std::begin(kPythonWords), std::end(kPythonWords),
                                     [&](std::string_view known) { return rest.starts_with(known); });
      if (word != std::end(kPythonWords)) {
        out += "null";
        i += word->size() - 1;
        continue;
      }
    }
    out += line[i];
  }
  return out;
}

JournalLine parse_line(const std::string& line) {
  JournalLine parsed = JournalLine::parse(line, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    parsed = JournalLine::parse(without_python_words(line), nullptr, /*allow_exceptions=*/false);
  }
  return parsed;
}

}  // namespace

std::vector<JournalLine> Journal::read_new() {
  std::ifstream file(path_, std::ios::binary);
  std::vector<JournalLine> out;
  if (!file) return out;
  file.seekg(read_bytes_);
  std::string line;
  while (std::getline(file, line)) {
    if (file.eof()) break;  // without its end: still being written, or torn
    ++read_lines_;
    read_bytes_ += static_cast<int64_t>(line.size()) + 1;
    out.push_back(parse_line(line));
    if (!out.back().is_object() || !out.back().contains("op_code"))
      throw DamagedFileError(text("'", path_.string(), "' is damaged: line ", read_lines_,
                                  " is not a record of a journal. Restore the file, or start another sweep."));
  }
  return out;
}

void Journal::append(const std::function<std::vector<JournalLine>()>& decide) {
  const Descriptor file(path_);
  const JournalLock lock(path_, file.number);
  const std::vector<JournalLine> lines = decide();
  if (lines.empty()) return;
  std::string bytes;
  for (const JournalLine& line : lines) bytes += line.dump(-1, ' ', true, JournalLine::error_handler_t::replace) + "\n";
  const off_t begin = whole_lines(file.number);
  const auto fail = [&] {
    const std::string reason = std::strerror(errno);
    if (::ftruncate(file.number, begin) != 0) {  // then the next writer cuts what is torn
    }
    throw UserError(text("Can't write '", path_.string(), "': ", reason, "."));
  };
  if (::ftruncate(file.number, begin) != 0) fail();
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count =
        ::pwrite(file.number, bytes.data() + done, bytes.size() - done, begin + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail();
    done += static_cast<size_t>(count);
  }
  if (::fsync(file.number) != 0) fail();
}

}  // namespace dcmmm
