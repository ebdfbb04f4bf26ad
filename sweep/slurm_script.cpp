#include "sweep/slurm_script.hpp"

#include "common/text.hpp"

namespace dcmmm {

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return word;
  std::string out = "'";
  for (const char letter : word) {
    if (letter == '\'')
      out += "'\\''";
    else
      out += letter;
  }
  out += "'";
  return out;
}

std::string slurm_script(const SlurmOptions& options, const std::string& program,
                         const std::vector<std::string>& words) {
  std::string out = "#!/usr/bin/env bash\n#SBATCH --job-name=dcmmm-sweep\n";
  out += text("#SBATCH --array=0-", options.jobs - 1, "\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=", options.cpus,
              "\n#SBATCH --time=", options.time, "\n#SBATCH --output=dcmmm-sweep-%A_%a.log\n");
  if (options.partition) out += "#SBATCH --partition=" + *options.partition + "\n";
  if (options.account) out += "#SBATCH --account=" + *options.account + "\n";
  out += "set -euo pipefail\n";
  for (const std::string& line : options.lines) out.append(line).append("\n");
  out += "# Each task joins the sweep in run.dir (a folder that all nodes see); the first one makes it.\n";
  out += "exec " + shell_quoted(program) + " sweep";
  for (const std::string& word : words) out.append(" ").append(shell_quoted(word));
  out += text(" run.resume=true \"sweep.workers=${SLURM_CPUS_PER_TASK:-", options.cpus, "}\"\n");
  return out;
}

}  // namespace dcmmm
