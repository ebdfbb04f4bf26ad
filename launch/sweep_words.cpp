#include "launch/sweep_words.hpp"

#include <filesystem>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/override_grammar.hpp"
#include "launch/sweep_trial.hpp"
#include "launch/yaml_text.hpp"
#include "sweep/space.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

const std::vector<std::string> kActions = {"status", "resume", "cancel"};

std::string in_full(const std::string& word) {
  if (word.starts_with("dir=")) return "run." + word;
  return word.starts_with("launcher=") ? "sweep." + word : word;
}

// The value of key=value as a text, without its quotes.
std::string text_of(const std::string& word) {
  const auto value = parse_override(word).value;
  const auto* name = value ? value->as<std::string>() : nullptr;
  return name != nullptr ? *name : word.substr(word.find('=') + 1);
}

void add_saved(const fs::path& folder, std::vector<std::string>& words) {
  if (!fs::exists(folder / "journal.log") || !fs::exists(folder / "overrides.yaml"))
    throw UserError(
        text("'", folder.string(), "' holds no sweep (a journal.log and an overrides.yaml). Check dir=DIR."));
  const Value saved = read_yaml_file(folder / "overrides.yaml");
  if (const auto* list = saved.as<Value::List>())
    for (const Value& word : *list)
      if (const auto* name = word.as<std::string>()) words.push_back(*name);
}

}  // namespace

SweepWords split_sweep_words(const std::vector<std::string>& given) {
  SweepWords out;
  std::vector<std::string> all;
  std::string directory;
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string word = in_full(given[i]);
    if (i == 0 && word.find('=') == word.npos) {
      if (word == "status")
        out.action = SweepWords::Action::kStatus;
      else if (word == "resume")
        out.action = SweepWords::Action::kResume;
      else if (word == "cancel")
        out.action = SweepWords::Action::kCancel;
      else if (!word.starts_with('~'))
        throw UserError(text("'", word, "' is nothing that sweep can do.", did_you_mean(word, kActions),
                             " Expected status, resume or cancel with dir=DIR, or key=values to search."));
      if (out.action != SweepWords::Action::kStart) continue;
    }
    if (word.starts_with("run.dir=")) directory = text_of(word);
    all.push_back(word);
  }
  if (out.action != SweepWords::Action::kStart) {
    if (directory.empty()) throw UserError(text("sweep ", given.front(), " needs dir=DIR, the folder of the sweep."));
    std::vector<std::string> with_saved;
    out.folder = directory;
    add_saved(out.folder, with_saved);
    with_saved.insert(with_saved.end(), all.begin(), all.end());
    all = std::move(with_saved);
  }
  for (const std::string& word : all) {
    // The last word of a key counts. A search takes the place of a value in trials (with_trial); a value ends a search.
    const auto same_key = [&](const std::string& earlier) { return key_of(earlier) == key_of(word); };
    std::erase_if(out.search, same_key);
    (is_search_word(word) ? out.search : out.words).push_back(word);
  }
  return out;
}

}  // namespace dcmmm
