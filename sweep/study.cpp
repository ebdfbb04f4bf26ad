#include "sweep/study.hpp"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>

#include "common/errors.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace {

// Optuna's operations.
enum Operation {
  kCreateStudy = 0,
  kSetStudyUserAttribute = 2,
  kCreateTrial = 4,
  kSetTrialParameter = 5,
  kSetTrialState = 6,
  kSetIntermediateValue = 7,
  kSetTrialUserAttribute = 8
};
constexpr int kMinimise = 1, kMaximise = 2;

std::string worker() {
  static const std::string name = [] {
    char host[256] = "unknown";
    ::gethostname(host, sizeof host - 1);
    return text(host, "-", ::getpid());
  }();
  return name;
}

JournalLine line_of(Operation operation) { return {{"op_code", static_cast<int>(operation)}, {"worker_id", worker()}}; }

// A choice as the journal's other readers see it: a number or a truth value where it is one.
JournalLine choice_json(const std::string& word) {
  JournalLine value = JournalLine::parse(word, nullptr, /*allow_exceptions=*/false);
  return value.is_number() || value.is_boolean() || value.is_null() ? value : JournalLine(word);
}

std::string distribution_text(const Parameter& parameter) {
  JournalLine out;
  if (parameter.kind == Parameter::Kind::kChoice) {
    out["name"] = "CategoricalDistribution";
    for (const std::string& word : parameter.choices) out["attributes"]["choices"].push_back(choice_json(word));
  } else if (parameter.kind == Parameter::Kind::kInteger) {
    out["name"] = "IntDistribution";
    out["attributes"] = {{"log", parameter.log},
                         {"step", 1},
                         {"low", std::llround(parameter.low)},
                         {"high", std::llround(parameter.high)}};
  } else {
    out["name"] = "FloatDistribution";
    out["attributes"] = {{"step", nullptr}, {"low", parameter.low}, {"high", parameter.high}, {"log", parameter.log}};
  }
  return out.dump();
}

std::string text_at(const JournalLine& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t number_at(const JournalLine& line, const char* name, int64_t otherwise) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

int64_t step_in(const std::string& word) {
  int64_t step = 0;
  const char* end = word.data() + word.size();
  if (const auto [stop, error] = std::from_chars(word.data(), end, step); error != std::errc() || stop != end)
    throw DamagedFileError(text("'", word, "' is no step"));
  return step;
}

TrialState state_at(const JournalLine& line) {
  const int64_t state = number_at(line, "state", 0);
  if (state < 0 || state > static_cast<int64_t>(TrialState::kWaiting)) {
    throw DamagedFileError(text("a trial can't be in state ", state));
  }
  return static_cast<TrialState>(state);
}

void take_values(const JournalLine& line, Trial& trial) {
  // Of a trial that Optuna adds whole, with one objective.
  if (const auto one = line.find("value"); one != line.end() && one->is_number()) trial.objective = one->get<double>();
  const auto found = line.find("values");
  if (found == line.end() || !found->is_array()) return;
  trial.objective.reset();
  trial.further.clear();
  for (const JournalLine& value : *found) {
    if (!value.is_number()) continue;
    if (trial.objective)
      trial.further.push_back(value.get<double>());
    else
      trial.objective = value.get<double>();
  }
}

}  // namespace

std::string name_of(TrialState state) {
  constexpr const char* kNames[] = {"running", "complete", "pruned", "failed", "waiting"};
  return kNames[static_cast<int>(state)];
}

std::optional<std::vector<double>> Trial::values_of(const SearchSpace& space) const {
  std::vector<double> out;
  for (const Parameter& parameter : space) {
    const auto found = values.find(parameter.key);
    if (found != values.end() && !has_value(parameter, found->second)) return std::nullopt;
    out.push_back(found == values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second);
  }
  for (size_t p = 0; p < space.size(); ++p)
    if (std::isnan(out[p]) && is_active(space, out, p)) return std::nullopt;
  return out;
}

std::vector<double> Study::losses_of(const Trial& trial) const {
  std::vector<double> out = {trial.objective.value_or(std::numeric_limits<double>::infinity())};
  out.insert(out.end(), trial.further.begin(), trial.further.end());
  out.resize(directions_.size(), std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < out.size(); ++i)
    if (directions_[i]) out[i] = -out[i];
  return out;
}

JournalLine Study::attribute(const std::string& name) const {
  const auto found = attributes_.find(name);
  return found == attributes_.end() ? JournalLine() : found->second;
}

Trial* Study::open_trial(const JournalLine& line) {
  const int64_t id = number_at(line, "trial_id", -1);
  if (id < 0 || id >= static_cast<int64_t>(number_of_id_.size())) return nullptr;
  const int64_t number = number_of_id_[static_cast<size_t>(id)];
  if (number < 0) return nullptr;
  Trial& trial = trials_[static_cast<size_t>(number)];
  return trial.is_finished() ? nullptr : &trial;
}

void Study::apply(const JournalLine& line) {
  try {
    apply_operation(line);
  } catch (const JournalLine::exception&) {
    throw DamagedFileError("something is missing there");
  }
}

void Study::apply_operation(const JournalLine& line) {
  const int64_t operation = number_at(line, "op_code", -1);
  if (operation == kCreateStudy) {
    if (studies_++ == 0 && line.contains("directions"))
      for (const JournalLine& direction : line["directions"]) directions_.push_back(direction == kMaximise);
  } else if (operation == kSetStudyUserAttribute && number_at(line, "study_id", -1) == 0) {
    for (const auto& [name, value] : line.at("user_attr").items()) attributes_[name] = value;
  } else if (operation == kCreateTrial) {
    const auto id = static_cast<int64_t>(number_of_id_.size());
    const bool is_ours = number_at(line, "study_id", -1) == 0;
    number_of_id_.push_back(is_ours ? static_cast<int64_t>(trials_.size()) : -1);
    if (!is_ours) return;
    Trial trial;
    trial.id = id;
    trial.number = static_cast<int64_t>(trials_.size());
    trial.state = state_at(line);
    trial.started = text_at(line, "datetime_start");
    trial.ended = text_at(line, "datetime_complete");
    take_values(line, trial);
    if (line.contains("params"))
      for (const auto& [name, value] : line["params"].items())
        if (value.is_number()) trial.values[name] = value.get<double>();
    // By step, as text; Optuna's own may be NaN, which is read as null.
    if (line.contains("intermediate_values"))
      for (const auto& [step, value] : line["intermediate_values"].items())
        if (value.is_number()) trial.intermediate[step_in(step)] = value.get<double>();
    if (line.contains("user_attrs"))
      for (const auto& [name, value] : line["user_attrs"].items()) trial.attributes[name] = value;
    if (line.contains("system_attrs") && line["system_attrs"].contains("fixed_params"))
      for (const auto& [name, value] : line["system_attrs"]["fixed_params"].items()) trial.wanted[name] = value;
    // Those of dcmmm begin running with all of their values.
    if (trial.state == TrialState::kRunning && !trial.values.empty() && !trial.attributes.contains(kRetryOf)) {
      const auto draw = trial.attributes.find(kDraw);
      const bool has_own = draw != trial.attributes.end() && draw->second.is_number_integer();
      trial.draw = has_own ? draw->second.get<int64_t>() : trial.number;
      draws_.insert(*trial.draw);
      while (draws_.erase(next_draw_) > 0) ++next_draw_;
    }
    trials_.push_back(std::move(trial));
  } else if (Trial* trial = open_trial(line)) {
    if (operation == kSetTrialParameter) {
      if (line.at("param_value_internal").is_number())
        trial->values[text_at(line, "param_name")] = line["param_value_internal"].get<double>();
    } else if (operation == kSetTrialUserAttribute) {
      for (const auto& [name, value] : line.at("user_attr").items()) trial->attributes[name] = value;
    } else if (operation == kSetIntermediateValue) {
      // Optuna's own may be NaN, which is read as null.
      if (line.at("intermediate_value").is_number())
        trial->intermediate[number_at(line, "step", 0)] = line["intermediate_value"].get<double>();
    } else if (operation == kSetTrialState) {
      trial->state = state_at(line);
      take_values(line, *trial);
      if (trial->state == TrialState::kRunning)
        trial->started = text_at(line, "datetime_start");
      else
        trial->ended = text_at(line, "datetime_complete");
    }
  }
}

const Study& StudyFile::refresh() {
  const std::vector<JournalLine> lines = journal_.read_new();
  for (size_t i = 0; i < lines.size(); ++i) {
    try {
      study_.apply(lines[i]);
    } catch (const DamagedFileError& error) {
      throw DamagedFileError(text("'", journal_.path().string(), "' is damaged: line ",
                                  journal_.lines() - static_cast<int64_t>(lines.size() - i) + 1,
                                  " is not a record of a journal (", error.what(),
                                  "). Restore the file, or start another sweep."));
    }
  }
  return study_;
}

void StudyFile::change(const std::function<std::vector<JournalLine>(const Study&)>& decide) {
  refresh();  // others wait for the lock: most of the reading is done before it is taken
  journal_.append([&] { return decide(refresh()); });
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const auto seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm utc = {};
  ::gmtime_r(&seconds, &utc);
  char day[32], out[64];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(out, sizeof out, "%s.%06d+00:00", day, static_cast<int>(micros % 1'000'000));
  return out;
}

JournalLine create_study_line(const std::string& name, bool maximise) {
  return create_study_line(name, std::vector{maximise});
}

JournalLine create_study_line(const std::string& name, const std::vector<bool>& maximise) {
  JournalLine line = line_of(kCreateStudy);
  line["study_name"] = name;
  for (const bool up : maximise) line["directions"].push_back(up ? kMaximise : kMinimise);
  return line;
}

JournalLine study_attribute_line(const std::string& name, const JournalLine& value) {
  JournalLine line = line_of(kSetStudyUserAttribute);
  line["study_id"] = 0;
  line["user_attr"][name] = value;
  return line;
}

JournalLine create_trial_line(const SearchSpace& space, const std::vector<double>& values,
                              const std::optional<std::pair<std::string, int64_t>>& attribute) {
  JournalLine line = line_of(kCreateTrial);
  line["study_id"] = 0;
  line["datetime_start"] = now_text();
  line["state"] = static_cast<int>(TrialState::kRunning);
  for (size_t p = 0; p < space.size(); ++p) {
    if (std::isnan(values[p])) continue;
    line["distributions"][space[p].key] = distribution_text(space[p]);
    if (space[p].kind == Parameter::Kind::kReal)
      line["params"][space[p].key] = values[p];
    else
      line["params"][space[p].key] = std::llround(values[p]);
  }
  if (attribute) line["user_attrs"][attribute->first] = attribute->second;
  return line;
}

std::vector<JournalLine> start_trial_lines(int64_t trial_id, const SearchSpace& space,
                                           const std::vector<double>& values) {
  JournalLine state = line_of(kSetTrialState);
  state["trial_id"] = trial_id;
  state["state"] = static_cast<int>(TrialState::kRunning);
  state["values"] = nullptr;
  state["datetime_start"] = now_text();
  std::vector<JournalLine> out;
  for (size_t p = 0; p < space.size(); ++p) {
    if (std::isnan(values[p])) continue;
    JournalLine line = line_of(kSetTrialParameter);
    line["trial_id"] = trial_id;
    line["param_name"] = space[p].key;
    line["param_value_internal"] = values[p];
    line["distribution"] = distribution_text(space[p]);
    out.push_back(std::move(line));
  }
  out.push_back(std::move(state));
  return out;
}

std::optional<double> value_of(const Parameter& parameter, const JournalLine& written) {
  if (parameter.kind == Parameter::Kind::kChoice) {
    for (size_t i = 0; i < parameter.choices.size(); ++i)
      if (choice_json(parameter.choices[i]) == written) return static_cast<double>(i);
    return std::nullopt;
  }
  if (!written.is_number() || !has_value(parameter, written.get<double>())) return std::nullopt;
  return written.get<double>();
}

JournalLine trial_attribute_line(int64_t trial_id, const std::string& name, const JournalLine& value) {
  JournalLine line = line_of(kSetTrialUserAttribute);
  line["trial_id"] = trial_id;
  line["user_attr"][name] = value;
  return line;
}

JournalLine intermediate_line(int64_t trial_id, int64_t step, double value) {
  JournalLine out = line_of(kSetIntermediateValue);
  out["trial_id"] = trial_id;
  out["step"] = step;
  out["intermediate_value"] = value;
  return out;
}

JournalLine end_trial_line(int64_t trial_id, TrialState state, std::optional<double> objective,
                           const std::vector<double>& further) {
  JournalLine line = line_of(kSetTrialState);
  line["trial_id"] = trial_id;
  line["state"] = static_cast<int>(state);
  line["values"] = objective ? JournalLine::array({*objective}) : JournalLine();
  for (const double value : further) line["values"].push_back(value);
  line["datetime_complete"] = now_text();
  return line;
}

}  // namespace dcmmm
