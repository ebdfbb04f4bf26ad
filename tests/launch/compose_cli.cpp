// compose_cli DIR[:DIR...] PRIMARY [override ...]: prints the composed config as YAML, or one message and exits 2.
// With `--batch FILE` instead: a JSON list of {"dirs", "primary", "overrides"}; prints a JSON list of {"yaml"} or
// {"error"}.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "common/errors.hpp"
#include "launch/configuration.hpp"
#include "launch/yaml_text.hpp"

namespace {

std::string composed_yaml(const std::vector<std::string>& folders, const std::string& primary,
                          const std::vector<std::string>& overrides) {
  dcmmm::ComposeOptions options;
  options.search_dirs.assign(folders.begin(), folders.end());
  options.primary = primary;
  options.overrides = overrides;
  return dcmmm::to_yaml(dcmmm::compose(options));
}

}  // namespace

int main(int count, char** words) {
  if (count == 3 && std::string(words[1]) == "--batch") {
    std::ifstream in(words[2]);
    nlohmann::json results = nlohmann::json::array();
    for (const auto& request : nlohmann::json::parse(in)) {
      try {
        results.push_back(
            {{"yaml", composed_yaml(request.at("dirs"), request.at("primary"), request.at("overrides"))}});
      } catch (const dcmmm::UserError& error) {
        results.push_back({{"error", error.what()}});
      }
    }
    std::cout << results.dump() << "\n";
    return 0;
  }
  if (count < 3) {
    std::cerr << "Usage: compose_cli DIR PRIMARY [override ...] | compose_cli --batch FILE\n";
    return 2;
  }
  try {
    std::cout << composed_yaml({words[1]}, words[2], std::vector<std::string>(words + 3, words + count));
    return 0;
  } catch (const dcmmm::UserError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
