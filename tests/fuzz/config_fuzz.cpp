// A config file of one's own, and words of a command line, a line each; a line "---" stands between them.
#include <sstream>

#include "common/errors.hpp"
#include "launch/configuration.hpp"
#include "launch/schema.hpp"
#include "launch/yaml_text.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  const std::string input(reinterpret_cast<const char*>(bytes), count);
  ComposeOptions options;
  const size_t end = input.find("\n---\n");
  std::istringstream words(input.substr(0, end));
  for (std::string word; std::getline(words, word);) options.overrides.push_back(word);
  std::filesystem::remove(testing::fuzz_folder() / "config.yaml");
  if (end != input.npos) testing::input_file("config.yaml", bytes + end + 5, count - end - 5);
  options.search_dirs = {testing::fuzz_folder(), std::filesystem::path(DCMMM_SOURCE_DIR) / "configs"};
  try {
    Value config = compose(options);
    to_yaml(config);
    check_config(config);
  } catch (const Error&) {
  }
  return 0;
}
