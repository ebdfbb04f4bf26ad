// The seal of a file: a block in front of its HDF5 part (a user block) with the file's size and a digest of all its
// metadata, so that a reader knows that they are whole before HDF5 sees them, without reading the numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

/// HDF5 wants a power of two from 512 on.
inline constexpr uint64_t kSealBytes = 4096;

/// Bytes [begin, end) of a file.
struct ByteRange {
  uint64_t begin;
  uint64_t end;
};

/// Writes the seal into the first kSealBytes of a closed file, which must have been left for it. The digest leaves
/// `numbers` out: chunks with checksums of their own. Where there are more runs of them than the block can list, the
/// shortest ones are digested as well. Throws UserError with the system's reason.
void seal_file(const std::filesystem::path& path, std::vector<ByteRange> numbers);

struct SealCheck {
  bool is_sealed = false;  // the file begins with a seal
  std::string problem;     // how the file differs from what its seal says; empty: it doesn't
};

/// Reads the seal and what it guards. A file without one has no problem.
SealCheck check_seal(const std::filesystem::path& path);

}  // namespace dcmmm
