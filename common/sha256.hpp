// SHA-256 of files and strings (OpenSSL), as lower-case hexadecimal.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dcmmm {

/// Digest of bytes that come piece by piece; where the pieces are cut makes no difference.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void add(std::string_view bytes);
  /// The numbers' bytes in memory.
  template <class Element>
  void add_values(std::span<const Element> values) {
    add({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  /// The digest so far; nothing may be added after.
  std::string hexadecimal();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Digest of a file's bytes, read in blocks. Throws UserError when the file can't be read.
std::string sha256_of_file(const std::filesystem::path& path);

/// Digest of a string's bytes.
std::string sha256_of(std::string_view bytes);

}  // namespace dcmmm
