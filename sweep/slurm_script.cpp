#include "sweep/slurm_script.hpp"

#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

#include "common/shell_quoted.hpp"
#include "common/text.hpp"

namespace dcmmm {

std::optional<int64_t> slurm_seconds(const std::string& time) {
  constexpr size_t kMostDigits = 9;
  const size_t dash = time.find('-');
  const bool has_days = dash != time.npos;
  if (time.empty() || time.back() == ':' || (has_days && time.find(':') < dash)) return std::nullopt;
  std::string numbers = time;
  if (has_days) numbers[dash] = ':';
  std::vector<int64_t> parts;
  std::istringstream in(numbers);
  for (std::string part; std::getline(in, part, ':');) {
    if (part.empty() || part.size() > kMostDigits || part.find_first_not_of("0123456789") != part.npos)
      return std::nullopt;
    parts.push_back(std::stoll(part));
  }
  constexpr int64_t kUnits[] = {86400, 3600, 60, 1};
  const size_t first = has_days ? 0 : parts.size() == 3 ? 1 : 2;
  if (first + parts.size() > std::size(kUnits) || (has_days && parts.size() < 2)) return std::nullopt;
  int64_t seconds = 0;
  for (size_t i = 0; i < parts.size(); ++i) seconds += parts[i] * kUnits[first + i];
  return seconds;
}

namespace {

// What a task does about its signals and its end, as the scripts in launch/slurm/ do, each in its own words.
const std::string kUntilItsEnd = R"(worker=$!
# wait comes back at the first signal; the second wait is for the worker's end.
wait "$worker"
code=$?
if [[ -n $ending ]]; then
  wait "$worker"
  code=$?
fi
# 5: trials were stopped and can go on. Above 128: the signal came before the worker knew it.
if [[ $ending == time && ( $code == 5 || $code -gt 128 ) ]]; then
  exec scontrol requeue "$task"
fi
exit "$code"
)";

}  // namespace

std::string slurm_script(const SlurmOptions& options, const std::string& program,
                         const std::vector<std::string>& words) {
  std::string out = "#!/usr/bin/env bash\n";
  const auto add = [&](const std::string& option) { out += "#SBATCH " + option + "\n"; };
  const bool array = !options.one_allocation;
  add("--job-name=dcmmm-sweep");
  const bool over_nodes = array && options.nodes > 1;  // each trial is
  if (array) add(text("--array=0-", options.jobs - 1));
  if (!array || over_nodes) add(text("--nodes=", options.nodes));
  add(array && !over_nodes ? "--ntasks=1" : "--ntasks-per-node=1");
  add(text("--cpus-per-task=", options.cpus));
  if (options.gpus > 0) add(text("--gpus-per-node=", options.gpus));
  add("--time=" + options.time);
  add(text("--signal=B:USR1@", options.signal_seconds));
  add("--requeue");
  add("--open-mode=append");
  if (options.work_folder) add(text("--chdir=\"", *options.work_folder, "\""));
  std::string logs;  // a % in the folder's name is no pattern of Slurm's
  for (const char letter : options.log_folder ? *options.log_folder + "/" : "dcmmm-sweep-")
    logs += letter == '%' ? std::string("%%") : std::string(1, letter);
  add(text("--output=\"", logs, array ? "%A_%a.log\"" : "%j.log\""));
  if (options.partition) add("--partition=" + *options.partition);
  if (options.account) add("--account=" + *options.account);
  for (const std::string& option : options.options) add(option);
  // Of a trial's mpirun: a node that is cut off ends it within seconds (docs/distributed.md).
  if (over_nodes)
    out +=
        "export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=2 "
        "OMPI_MCA_oob_tcp_keepalive_probes=3\n";
  for (const std::string& line : options.lines) out.append(line).append("\n");
  // An array's task by its own name: the number of its first job stands for the whole array.
  out += array ? "task=${SLURM_ARRAY_JOB_ID:-}_${SLURM_ARRAY_TASK_ID:-}\n" : "task=${SLURM_JOB_ID:-}\n";
  out += "ending=\n";
  // USR2, as srun and mpirun pass it on. At first all further signals are left out, as they would end a wait.
  out += "trap 'trap \"\" USR1 TERM; ending=time; kill -USR2 \"$worker\"' USR1\n";
  out += "trap 'trap \"\" USR1 TERM; ending=cancel; kill -USR2 \"$worker\"' TERM\n";
  out += "# Each task joins the sweep in run.dir (a folder that all nodes see); the first one makes it.\n";
  if (!array) out += "srun --mpi=none --kill-on-bad-exit=0 ";
  if (options.wrapper) out += *options.wrapper + " ";
  out += shell_quoted(program) + " sweep";
  for (const std::string& word : words) out.append(" ").append(shell_quoted(word));
  const std::string cpus = text("${SLURM_CPUS_PER_TASK:-", options.cpus, "}");
  // Launchers of two trials would give both of them the first node's cores, so a task over nodes runs one at a time.
  std::string trials = cpus;
  if (options.ranks > 1) trials = text("$((n = ", cpus, " / ", options.ranks, ", n > 0 ? n : 1))");
  if (over_nodes) trials = "1";
  if (options.workers > 0) trials = text(options.workers);
  // A config file may say sweep.launcher=slurm: each task would submit the sweep again, and run no trial.
  out += text(" run.resume=true sweep.launcher=local \"sweep.workers=", trials, "\" &\n");
  return out + kUntilItsEnd;
}

}  // namespace dcmmm
