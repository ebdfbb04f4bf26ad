// SHA-256 of files and strings (OpenSSL), as lower-case hexadecimal.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dcmmm {

/// Digest of a file's bytes, read in blocks. Throws UserError when the file can't be read.
std::string sha256_of_file(const std::filesystem::path& path);

/// Digest of a string's bytes.
std::string sha256_of(std::string_view bytes);

}  // namespace dcmmm
