#include "launch/sweep_submit.hpp"

#include <iostream>

#include "common/files.hpp"
#include "common/text.hpp"
#include "launch/sweep_slurm.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

const std::string kJobs = "dcmmm:slurm_jobs";  // attribute of the study

}  // namespace

std::string batch_script(const SweepLine& line, const Sweep& sweep, const std::optional<fs::path>& logs) {
  SlurmOptions options = slurm_options(sweep.config);
  options.work_folder = fs::current_path().string();
  if (logs) options.log_folder = logs->string();
  // Without sweep.trials where the study knows it: a task that starts late undoes no later `sweep resume`.
  std::vector<std::string> words;
  if (!line.config_dir.empty()) words.push_back("--config-dir=" + fs::absolute(line.config_dir).string());
  for (const auto& part : {sweep.words.words, sweep.words.search})
    for (const std::string& word : part)
      if (!word.starts_with("run.dir=") && !word.starts_with("run.resume=") && !word.starts_with("sweep.launcher=") &&
          !word.starts_with("sweep.workers=") && !word.starts_with("sweep.slurm.") &&
          !word.starts_with("sweep.retry_failed=") && !(logs && word.starts_with("sweep.trials=")))
        words.push_back(word);
  words.push_back(text("run.dir='", sweep.plan.folder.string(), "'"));
  return slurm_script(options, fs::read_symlink("/proc/self/exe").string(), words);
}

std::vector<std::string> slurm_jobs(const Study& study) {
  const JournalLine jobs = study.attribute(kJobs);
  return jobs.is_array() ? jobs.get<std::vector<std::string>>() : std::vector<std::string>();
}

void submit(const SweepLine& line, const Sweep& sweep, StudyFile& file) {
  const fs::path script = sweep.plan.folder / "sweep.sbatch", logs = sweep.plan.folder / "slurm";
  fs::create_directories(logs);
  write_text_file(script, batch_script(line, sweep, logs));
  const std::string job = submit_slurm_job(script);
  file.change([&](const Study& study) {
    std::vector<std::string> jobs = slurm_jobs(study);
    jobs.push_back(job);
    return std::vector{study_attribute_line(kJobs, jobs)};
  });
  std::cout << "Submitted Slurm job " << job << " (" << script.string() << "). It writes to " << logs.string()
            << ".\nHow it goes: dcmmm sweep status dir=" << sweep.plan.folder.string() << std::endl;
}

}  // namespace dcmmm
