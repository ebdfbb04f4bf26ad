// A temporary folder of config files for one test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "launch/configuration.hpp"

namespace dcmmm::testing {

using Files = std::map<std::string, std::string>;  // path: content

class ConfigFolder {
 public:
  explicit ConfigFolder(const Files& files) {
    char name[] = "/tmp/dcmmm_config_XXXXXX";
    path_ = mkdtemp(name);
    for (const auto& [file, content] : files) {
      std::filesystem::create_directories((path_ / file).parent_path());
      write_text_file(path_ / file, content);
    }
  }
  ~ConfigFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  Value composed(const std::vector<std::string>& overrides = {}) const {
    return compose({{path_}, "config", overrides});
  }

  /// The message of the UserError, or "" when there is none.
  std::string refusal(const std::vector<std::string>& overrides = {}) const {
    try {
      composed(overrides);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::filesystem::path path_;
};

}  // namespace dcmmm::testing
