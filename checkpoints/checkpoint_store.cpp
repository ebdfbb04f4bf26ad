#include "checkpoints/checkpoint_store.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/sha256.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr const char* kManifest = "manifest.json";

struct Entry {
  std::string file;  // name inside the folder
  int64_t step;
  uint64_t bytes;
  std::string sha256;
};

std::string name_of_step(int64_t step) {
  char name[48];
  std::snprintf(name, sizeof name, "step_%06lld.h5", static_cast<long long>(step));
  return name;
}

void write_manifest(const fs::path& folder, const std::vector<Entry>& entries) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const auto& entry : entries) {
    files.push_back({{"file", entry.file}, {"step", entry.step}, {"bytes", entry.bytes}, {"sha256", entry.sha256}});
  }
  const nlohmann::ordered_json manifest = {{"format_version", kCheckpointFormatVersion}, {"checkpoints", files}};
  write_text_file(folder / kManifest, manifest.dump(2) + "\n");
}

/// A name that is still free: path.damaged, path.damaged.2, ...
fs::path name_for_damaged(const fs::path& path) {
  fs::path name = path.string() + ".damaged";
  for (int i = 2; fs::exists(name); ++i) name = text(path.string(), ".damaged.", i);
  return name;
}

using Warn = std::function<void(const std::string&)>;

void set_aside(const fs::path& path, const std::string& problem, const Warn& warn) {
  const fs::path aside = name_for_damaged(path);
  std::error_code failed;
  fs::rename(path, aside, failed);
  warn(text(
      "'", path.string(), "' is damaged (", problem, "); ",
      failed ? text("it could not be renamed: ", failed.message()) : text("kept as '", aside.filename().string(), "'"),
      "."));
}

/// The entries of the manifest, oldest step first. A manifest that can't be understood is set aside.
std::vector<Entry> read_manifest(const fs::path& folder, const Warn& warn) {
  const fs::path path = folder / kManifest;
  if (!fs::exists(path)) return {};
  const std::string content = read_text_file(path);  // what can't be read now may be sound
  std::vector<Entry> entries;
  int64_t version = 0;
  try {
    const auto manifest = nlohmann::json::parse(content);
    version = manifest.at("format_version");
    if (version == kCheckpointFormatVersion) {
      for (const auto& item : manifest.at("checkpoints")) {
        entries.push_back({item.at("file"), item.at("step"), item.at("bytes"), item.at("sha256")});
        if (entries.back().file != name_of_step(entries.back().step))
          throw UserError("a file's name is not its step's");
      }
    }
  } catch (const nlohmann::json::exception&) {
    set_aside(path, "not the JSON that was written", warn);
    return {};
  } catch (const UserError& error) {
    set_aside(path, error.what(), warn);
    return {};
  }
  if (version != kCheckpointFormatVersion) {
    throw UserError(text("'", path.string(), "' has format version ", version, "; this program reads version ",
                         kCheckpointFormatVersion, ". Go on with the program that wrote it, or train again."));
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.step < b.step; });
  return entries;
}

/// "" when the file is one that the manifest describes, else what is wrong with it. A step may have two entries: while
/// it is replaced, the file is either the old or the new one.
std::string problem_of(const fs::path& path, const std::vector<Entry>& entries) {
  const uint64_t bytes = fs::file_size(path);
  std::string problem, digest;
  for (const auto& entry : entries) {
    if (entry.file != path.filename()) continue;
    if (entry.bytes != bytes) {
      problem = text(bytes, " bytes instead of ", entry.bytes);
      continue;
    }
    if (digest.empty()) digest = sha256_of_file(path);
    if (digest == entry.sha256) return "";
    problem = "its SHA-256 is not the manifest's";
  }
  return problem;
}

bool is_checkpoint(const fs::path& path, const std::string& ending) {
  const std::string name = path.filename().string();
  return name.starts_with("step_") && name.ends_with(ending);
}

/// Newest valid checkpoint, or an empty path. Rank 0 only.
fs::path find_newest(const fs::path& folder, const Warn& warn) {
  if (!fs::exists(folder)) return {};
  const std::vector<Entry> entries = read_manifest(folder, warn);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    fs::path path = folder / entry->file;
    if (!fs::exists(path)) continue;  // announced, but the write was cut off before the file had its name
    const std::string problem = problem_of(path, entries);
    if (problem.empty()) return path;
    set_aside(path, problem, warn);
  }
  for (const auto& item : fs::directory_iterator(folder)) {
    if (is_checkpoint(item.path(), ".h5") || item.path().filename().string().find(".h5.damaged") != std::string::npos) {
      throw DamagedFileError(
          text("None of the checkpoints in '", folder.string(),
               "' is valid by its manifest.json. Restore the folder from a copy, or remove it to start "
               "again from step 0."));
    }
  }
  return {};
}

/// Gives the temporary its name, with the manifest always describing what is there. Rank 0 only.
void publish(const fs::path& folder, const fs::path& temporary, int64_t step, int keep, const Warn& warn) {
  sync_path(temporary);
  const Entry added = {name_of_step(step), step, fs::file_size(temporary), sha256_of_file(temporary)};
  std::vector<Entry> entries = read_manifest(folder, warn);
  std::erase_if(entries, [&](const Entry& entry) { return !fs::exists(folder / entry.file); });
  // First the manifest with old and new, so that a crash between the steps leaves every complete file described.
  entries.push_back(added);
  write_manifest(folder, entries);
  fs::rename(temporary, folder / added.file);
  sync_path(folder);
  entries.pop_back();
  std::erase_if(entries, [&](const Entry& entry) { return entry.file == added.file; });
  const auto dropped = entries.size() - std::min(entries.size(), static_cast<size_t>(std::max(keep, 1) - 1));
  const std::vector<Entry> old(entries.begin(), entries.begin() + static_cast<int64_t>(dropped));
  entries.erase(entries.begin(), entries.begin() + static_cast<int64_t>(dropped));
  entries.push_back(added);
  write_manifest(folder, entries);
  for (const auto& entry : old) fs::remove(folder / entry.file);
  for (const auto& item : fs::directory_iterator(folder)) {  // left behind by a killed writer
    if (is_checkpoint(item.path(), ".h5.tmp")) fs::remove(item.path());
  }
}

/// The system's errors about files, said like all others.
void with_plain_errors(const fs::path& folder, const std::function<void()>& work) {
  try {
    work();
  } catch (const fs::filesystem_error& error) {
    throw UserError(text("Can't use the checkpoints folder '", folder.string(), "': ", error.code().message(),
                         ". Check that it may be written and has space left."));
  }
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, int keep, Warn warn)
    : folder_(std::move(folder)), keep_(keep), warn_(std::move(warn)) {}

void CheckpointStore::save(const Checkpoint& checkpoint, Communicator& communicator) {
  const fs::path temporary = folder_ / (name_of_step(checkpoint.step) + ".tmp");
  on_rank_zero(communicator, [&] { with_plain_errors(folder_, [&] { fs::create_directories(folder_); }); });
  try {
    write_checkpoint(temporary, checkpoint, communicator);
    on_rank_zero(communicator, [&] {
      with_plain_errors(folder_, [&] { publish(folder_, temporary, checkpoint.step, keep_, warn_); });
    });
  } catch (...) {
    std::error_code ignored;
    if (communicator.rank() == 0) fs::remove(temporary, ignored);
    throw;
  }
}

std::optional<fs::path> CheckpointStore::newest(Communicator& communicator) {
  std::string found;
  on_rank_zero(communicator,
               [&] { with_plain_errors(folder_, [&] { found = find_newest(folder_, warn_).string(); }); });
  communicator.broadcast(found);
  if (found.empty()) return std::nullopt;
  return fs::path(found);
}

}  // namespace dcmmm
