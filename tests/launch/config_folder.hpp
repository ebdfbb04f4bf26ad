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
#include "tests/temporary_folder.hpp"

namespace dcmmm::testing {

using Files = std::map<std::string, std::string>;  // path: content

class ConfigFolder {
 public:
  explicit ConfigFolder(const Files& files) {
    for (const auto& [file, content] : files) {
      std::filesystem::create_directories((folder_ / file).parent_path());
      write_text_file(folder_ / file, content);
    }
  }
  const std::filesystem::path& path() const { return folder_.path(); }

  Value composed(const std::vector<std::string>& overrides = {}) const {
    return compose({{path()}, "config", overrides});
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
  TemporaryFolder folder_;
};

}  // namespace dcmmm::testing
