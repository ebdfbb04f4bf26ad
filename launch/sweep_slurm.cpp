#include "launch/sweep_slurm.hpp"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>

#include "common/errors.hpp"
#include "common/shell_quoted.hpp"
#include "common/text.hpp"
#include "launch/configuration.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr int kNoSuchProgram = 127;  // the shell's

struct Answer {
  int code = 0;
  std::string output;  // and errors
};

Answer answer_of(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += shell_quoted(word) + " ";
  FILE* pipe = ::popen((line + "2>&1").c_str(), "re");
  if (pipe == nullptr) throw UserError(text("Can't start ", words.front(), "."));
  Answer out;
  std::array<char, 4096> bytes{};
  while (const size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe)) out.output.append(bytes.data(), count);
  const int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  while (!out.output.empty() && out.output.back() == '\n') out.output.pop_back();
  return out;
}

// Values that would break the script's #SBATCH lines, or that sbatch refuses once trials are waited for.
void check_names(const SlurmOptions& options) {
  const auto check = [](const char* key, const std::optional<std::string>& name) {
    if (name && (name->empty() || name->find_first_of(" \t\r\n'\"#") != name->npos))
      throw UserError(text(key, " is '", *name, "', but expected a name without spaces and quotes; leave it out for ",
                           "the cluster's default."));
  };
  check("sweep.slurm.partition", options.partition);
  check("sweep.slurm.account", options.account);
  // What the tasks' end is reckoned from: of an option that is there twice the later one counts.
  const std::pair<const char*, const char*> kOwn[] = {
      {"--time", "time"}, {"-t", "time"}, {"--signal", "signal_seconds"}, {"--array", "jobs"}, {"-a", "jobs"}};
  for (const std::string& option : options.options) {
    if (!option.starts_with('-') || option.find_first_of("\r\n") != option.npos)
      throw UserError(text("sweep.slurm.options has '", option,
                           "', but expected options of sbatch, such as --constraint=cpu, each a line of its own."));
    const std::string name = option.substr(0, option.starts_with("--") ? option.find_first_of("= ") : 2);
    for (const auto& own : kOwn)
      if (name == own.first)
        throw UserError(text("sweep.slurm.options has '", option, "': set sweep.slurm.", own.second, " in its place."));
  }
}

void check_time(const SlurmOptions& options) {
  const auto limit = slurm_seconds(options.time);
  if (!limit)
    throw UserError(text("sweep.slurm.time is '", options.time,
                         "', but expected a time as sbatch takes it: minutes (90), minutes:seconds, "
                         "hours:minutes:seconds (04:00:00), days-hours (1-12), days-hours:minutes or "
                         "days-hours:minutes:seconds; 0 for none."));
  // Slurm sends the signal up to a minute early. A task that has no time before it would be queued again for ever.
  constexpr int64_t kLeast = 120;
  if (*limit > 0 && *limit < options.signal_seconds + kLeast)
    throw UserError(text("sweep.slurm.signal_seconds is ", options.signal_seconds,
                         ", but sweep.slurm.time=", options.time, " is only ", *limit,
                         " s: trials would be stopped as soon as they start. Expected a time of ",
                         options.signal_seconds + kLeast, " s at least, and well above what a trial's step takes."));
}

}  // namespace

SlurmOptions slurm_options(const Value& config) {
  SlurmOptions options;
  options.partition = get<std::optional<std::string>>(config, "sweep.slurm.partition");
  options.account = get<std::optional<std::string>>(config, "sweep.slurm.account");
  options.one_allocation = get<std::string>(config, "sweep.slurm.layout") == "allocation";
  options.jobs = get<int64_t>(config, "sweep.slurm.jobs");
  options.nodes = get<int64_t>(config, "sweep.slurm.nodes");
  options.cpus = get<int64_t>(config, "sweep.slurm.cpus");
  options.ranks = get<int64_t>(config, "sweep.ranks");
  options.workers = get<int64_t>(config, "sweep.workers");
  options.gpus = get<int64_t>(config, "sweep.slurm.gpus");
  options.time = get<std::string>(config, "sweep.slurm.time");
  options.signal_seconds = get<int64_t>(config, "sweep.slurm.signal_seconds");
  options.options = get<std::vector<std::string>>(config, "sweep.slurm.options");
  options.lines = get<std::vector<std::string>>(config, "sweep.slurm.lines");
  options.wrapper = get<std::optional<std::string>>(config, "sweep.slurm.wrapper");
  if (!options.one_allocation && options.ranks < options.nodes)
    throw UserError(text("Tasks of an array have sweep.slurm.nodes=", options.nodes,
                         " nodes, but a trial has sweep.ranks=", options.ranks,
                         ": give each node a rank, or choose sweep.slurm.layout=allocation, a worker on each node."));
  if (!options.one_allocation && options.nodes > 1 && options.workers > 1)
    throw UserError(text("sweep.workers is ", options.workers, ", but tasks of sweep.slurm.nodes=", options.nodes,
                         " nodes run one trial at a time over them: leave sweep.workers out."));
  check_names(options);
  check_time(options);
  return options;
}

std::string submit_slurm_job(const fs::path& script) {
  const Answer answer = answer_of({"sbatch", "--parsable", script.string()});
  if (answer.code == kNoSuchProgram)
    throw UserError(
        text("launcher=slurm needs Slurm's sbatch, which this machine doesn't have. Call it on a login node; "
             "or submit ",
             script.string(), " there."));
  if (answer.code != 0)
    throw UserError(text("Slurm didn't take ", script.string(), ": ", answer.output,
                         ". Set sweep.slurm.partition, account, time and options as your cluster wants them, and call "
                         "`dcmmm sweep resume` with them."));
  const std::string last = answer.output.substr(answer.output.find_last_of('\n') + 1);
  return last.substr(0, last.find(';'));  // "NUMBER;CLUSTER" on several clusters
}

std::string slurm_jobs_text(const std::vector<std::string>& jobs) {
  if (jobs.empty()) return "";
  const Answer answer = answer_of({"squeue", "--noheader", "--array", "--jobs=" + join(jobs, ","), "--format=%F %T"});
  if (answer.code == kNoSuchProgram)
    return text("Slurm jobs ", join(jobs), ": there is no squeue on this machine to ask\n");
  // A number that Slurm has forgotten is an error of its own: then none of them waits or runs.
  std::map<std::string, std::map<std::string, int>> counts;
  std::istringstream lines(answer.code == 0 ? answer.output : "");
  for (std::string job, state; lines >> job >> state;) ++counts[job][state];
  if (answer.code != 0 && answer.output.find("Invalid job id") == std::string::npos)
    return text("Slurm jobs ", join(jobs), ": ", answer.output, "\n");
  std::string out;
  for (const std::string& job : jobs) {
    std::string states;
    for (const auto& [state, count] : counts[job]) {
      states += text(states.empty() ? "" : ", ", count, " ");
      for (const char letter : state) states += static_cast<char>(std::tolower(letter));
    }
    out += text("Slurm job ", job, ": ", states.empty() ? "ended" : states, "\n");
  }
  return out;
}

void cancel_slurm_jobs(const std::vector<std::string>& jobs) {
  if (jobs.empty()) return;
  std::vector<std::string> words = {"scancel", "--quiet"};
  words.insert(words.end(), jobs.begin(), jobs.end());
  const Answer answer = answer_of(words);
  if (answer.code == kNoSuchProgram)
    throw UserError(text("There is no scancel on this machine: workers of Slurm jobs ", join(jobs),
                         " stop by themselves, but waiting ones stay in the queue. Call there: scancel ",
                         join(jobs, " ")));
  if (answer.code != 0 && answer.output.find("Invalid job id") == std::string::npos)
    throw UserError(text("scancel ", join(jobs, " "), " failed: ", answer.output, "."));
}

}  // namespace dcmmm
