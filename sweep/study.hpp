// A study: what a journal says about its trials, and the lines that say so (Optuna's operations).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sweep/journal.hpp"
#include "sweep/space.hpp"

namespace dcmmm {

enum class TrialState { kRunning = 0, kComplete = 1, kPruned = 2, kFailed = 3, kWaiting = 4 };

/// "running", "complete", ...
std::string name_of(TrialState state);

struct Trial {
  int64_t id = 0;      // its place among all trials of the journal: how lines call it
  int64_t number = 0;  // its place among the study's trials
  std::optional<int64_t>
      draw;  // its place in the sampler's sequence; none of Optuna's own, and where it tries another one again
  TrialState state = TrialState::kRunning;
  std::map<std::string, double> values;           // as Parameter holds them
  std::optional<double> objective;                // the first one; of a pruned trial: its last intermediate value
  std::vector<double> further;                    // of several objectives: the others
  std::map<int64_t, double> intermediate;         // by step
  std::string started, ended;                     // UTC, ISO 8601; "" where not known
  std::map<std::string, JournalLine> attributes;  // the user's
  std::map<std::string, JournalLine> wanted;      // of a trial that Optuna enqueued: values as people write them

  bool is_finished() const { return state != TrialState::kRunning && state != TrialState::kWaiting; }
  /// In the order of the space, NaN where its condition isn't met; none where a parameter is missing or has
  /// a value that isn't the space's.
  std::optional<std::vector<double>> values_of(const SearchSpace& space) const;
};

/// The journal's first study. Lines of other studies, and those that Optuna would ignore (about finished trials), count
/// for nothing.
class Study {
 public:
  /// Throws DamagedFileError where the line doesn't hold what its operation needs.
  void apply(const JournalLine& line);

  bool exists() const { return studies_ > 0; }
  /// Whether the first objective is maximised.
  bool maximises() const { return !directions_.empty() && directions_.front(); }
  /// For each objective, whether it is maximised.
  const std::vector<bool>& directions() const { return directions_; }
  /// All of a complete trial's objectives, as losses: smaller is better.
  std::vector<double> losses_of(const Trial& trial) const;
  const std::vector<Trial>& trials() const { return trials_; }
  /// The first place in the sampler's sequence that no trial has.
  int64_t next_draw() const { return next_draw_; }
  /// The id of the trial that is created next, in whatever study.
  int64_t next_id() const { return static_cast<int64_t>(number_of_id_.size()); }
  /// The study's user attribute, or null.
  JournalLine attribute(const std::string& name) const;

 private:
  void apply_operation(const JournalLine& line);
  Trial* open_trial(const JournalLine& line);  // that the line may still change

  int64_t studies_ = 0, next_draw_ = 0;
  std::set<int64_t> draws_;  // beyond the next one
  std::vector<bool> directions_;
  std::vector<Trial> trials_;
  std::vector<int64_t> number_of_id_;  // -1: of another study
  std::map<std::string, JournalLine> attributes_;
};

/// A study with its file.
class StudyFile {
 public:
  explicit StudyFile(const std::filesystem::path& journal) : journal_(journal) {}
  /// With what other processes added.
  const Study& refresh();
  /// `decide` sees the study as it is under the journal's lock; the lines that it returns are appended.
  void change(const std::function<std::vector<JournalLine>(const Study&)>& decide);

 private:
  Journal journal_;
  Study study_;
};

/// Now in UTC, as Optuna writes it: "2026-11-21T19:50:00.000000+00:00".
std::string now_text();

JournalLine create_study_line(const std::string& name, bool maximise);
/// Of several objectives.
JournalLine create_study_line(const std::string& name, const std::vector<bool>& maximise);
JournalLine study_attribute_line(const std::string& name, const JournalLine& value);
/// A trial's attribute: the number of the failed one that it tries again.
inline const std::string kRetryOf = "retry_of";
/// A trial's attribute: its place in the sampler's sequence, where that isn't its number.
inline const std::string kDraw = "draw";
/// One line with all values, so that no reader ever sees a part of them. `attribute`: kRetryOf or kDraw, and its value.
JournalLine create_trial_line(const SearchSpace& space, const std::vector<double>& values,
                              const std::optional<std::pair<std::string, int64_t>>& attribute = std::nullopt);
/// A waiting trial begins with these values: a line for each, and then for its state.
std::vector<JournalLine> start_trial_lines(int64_t trial_id, const SearchSpace& space,
                                           const std::vector<double>& values);
/// A value as people write it in Optuna (a choice itself, a number), as Parameter holds it; none where it has no such
/// value.
std::optional<double> value_of(const Parameter& parameter, const JournalLine& written);
JournalLine trial_attribute_line(int64_t trial_id, const std::string& name, const JournalLine& value);
JournalLine intermediate_line(int64_t trial_id, int64_t step, double value);
JournalLine end_trial_line(int64_t trial_id, TrialState state, std::optional<double> objective,
                           const std::vector<double>& further = {});

}  // namespace dcmmm
