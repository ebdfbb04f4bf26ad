#include "data/file_seal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/errors.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

// The block: this, the SHA-256 of all that follows the line in the block, a line feed; a line of JSON; zeros.
constexpr std::string_view kMagic = "dcmmm seal 1 ";
constexpr size_t kDigestLength = 64;
constexpr size_t kHeadBytes = kMagic.size() + kDigestLength + 1;
// Each takes up to 42 bytes.
constexpr size_t kMostRuns = 80;

/// Touching ranges put together, in order; the longest kMostRuns of them.
std::vector<ByteRange> runs_of(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> runs;
  for (const ByteRange& range : ranges) {
    if (!runs.empty() && runs.back().end == range.begin) {
      runs.back().end = range.end;
    } else {
      runs.push_back(range);
    }
  }
  if (runs.size() > kMostRuns) {
    const auto longer = [](const ByteRange& a, const ByteRange& b) { return a.end - a.begin > b.end - b.begin; };
    std::nth_element(runs.begin(), runs.begin() + kMostRuns, runs.end(), longer);
    runs.resize(kMostRuns);
    std::sort(runs.begin(), runs.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  }
  return runs;
}

void add_bytes(Sha256& digest, std::istream& file, ByteRange range) {
  std::vector<char> buffer(std::min<uint64_t>(1 << 20, range.end - range.begin));
  file.seekg(static_cast<std::streamoff>(range.begin));
  for (uint64_t left = range.end - range.begin; left > 0 && file;) {
    const uint64_t count = std::min<uint64_t>(left, buffer.size());
    file.read(buffer.data(), static_cast<std::streamsize>(count));
    digest.add({buffer.data(), static_cast<size_t>(file.gcount())});
    left -= count;
  }
}

/// Of everything between the block and the end of the file, `numbers` left out.
std::string metadata_digest(std::istream& file, uint64_t bytes, const std::vector<ByteRange>& numbers) {
  Sha256 digest;
  uint64_t begin = kSealBytes;
  for (const ByteRange& run : numbers) {
    add_bytes(digest, file, {begin, run.begin});
    begin = run.end;
  }
  add_bytes(digest, file, {begin, bytes});
  return digest.hexadecimal();
}

/// "" where the sealed block's own words are kept by the file behind it.
std::string problem_with(std::istream& file, uint64_t bytes, const std::string& block) {
  const std::string_view rest = std::string_view(block).substr(kHeadBytes);
  if (block.substr(kMagic.size(), kDigestLength + 1) != sha256_of(rest) + "\n") return "its beginning was altered";
  std::vector<ByteRange> numbers;
  std::string expected;
  try {
    const auto seal = nlohmann::json::parse(rest.substr(0, rest.find('\n')));
    const uint64_t sealed_bytes = seal.at("bytes");
    if (sealed_bytes != bytes)
      return text("it has ", bytes, " bytes instead of the ", sealed_bytes, " that were written");
    expected = seal.at("metadata_sha256");
    uint64_t earliest = kSealBytes;
    for (const auto& run : seal.at("numbers")) {
      numbers.push_back({run.at(0), run.at(1)});
      if (numbers.back().begin < earliest || numbers.back().end < numbers.back().begin)
        return "its seal makes no sense";
      earliest = numbers.back().end;
    }
    if (earliest > bytes) return "its seal makes no sense";
  } catch (const nlohmann::json::exception&) {
    return "its seal makes no sense";
  }
  if (metadata_digest(file, bytes, numbers) != expected) return "its metadata were altered after it was written";
  return "";
}

}  // namespace

void seal_file(const fs::path& path, std::vector<ByteRange> numbers) {
  errno = 0;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(0, std::ios::end);
  const auto bytes = file ? static_cast<uint64_t>(file.tellg()) : 0;
  if (bytes < kSealBytes) file.setstate(std::ios::failbit);  // no room was left for it
  if (file) {
    const std::vector<ByteRange> runs = runs_of(std::move(numbers));
    nlohmann::ordered_json seal = {{"bytes", bytes}, {"metadata_sha256", metadata_digest(file, bytes, runs)}};
    seal["numbers"] = nlohmann::ordered_json::array();
    for (const ByteRange& run : runs) seal["numbers"].push_back({run.begin, run.end});
    std::string rest = seal.dump() + "\n";
    rest.resize(kSealBytes - kHeadBytes);
    file.seekp(0);
    file << kMagic << sha256_of(rest) << "\n" << rest;
  }
  file.close();
  if (!file) {
    throw UserError(text("Can't write '", path.string(), "': ", std::strerror(errno != 0 ? errno : EIO),
                         ". Check that the folder may be written and has space left."));
  }
}

SealCheck check_seal(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string block(kSealBytes, '\0');
  file.read(block.data(), static_cast<std::streamsize>(block.size()));
  const auto got = static_cast<size_t>(file.gcount());
  if (!block.starts_with(kMagic)) return {};
  if (got < block.size()) return {.is_sealed = true, .problem = text("only ", got, " bytes of it are there")};
  file.seekg(0, std::ios::end);
  const auto bytes = static_cast<uint64_t>(file.tellg());
  return {.is_sealed = true, .problem = problem_with(file, bytes, block)};
}

}  // namespace dcmmm
