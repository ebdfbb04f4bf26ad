#include "sweep/trial_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>
#include <thread>

#include "common/errors.hpp"
#include "common/text.hpp"

extern char** environ;

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr auto kPatience = std::chrono::seconds(20);  // between the two signals: a checkpoint is written meanwhile

constexpr std::string_view kDevices = "CUDA_VISIBLE_DEVICES=";

// A trial is one process, not a rank of the job that its worker may be part of. `devices`: kDevices and its value, or
// "".
std::vector<char*> environment_of_trial(std::string& devices) {
  std::vector<char*> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view name = *variable;
    bool is_kept = true;
    for (const char* prefix : {"OMPI_", "PMIX_", "PMI_", "ORTE_", "PRTE_", "SLURM_PROCID=", "SLURM_STEP_"})
      is_kept = is_kept && !name.starts_with(prefix);
    is_kept = is_kept && (devices.empty() || !name.starts_with(kDevices));
    if (is_kept || name.starts_with("OMPI_ALLOW") || name.starts_with("OMPI_MCA_")) out.push_back(*variable);
  }
  if (!devices.empty()) out.push_back(devices.data());
  out.push_back(nullptr);
  return out;
}

// Between fork and exec: system calls alone, as other threads may hold the C library's locks.
[[noreturn]] void become(char* const* arguments, char* const* variables, int output, int kept_descriptor,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  ::setpgid(0, 0);                          // Ctrl-C reaches the worker, which decides
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);  // other trials' locks stay with their own processes
  if (kept_descriptor >= 0) ::fcntl(kept_descriptor, F_SETFD, 0);
  ::execvpe(arguments[0], arguments, variables);
  ::_exit(127);
}

}  // namespace

int run_trial_process(const std::vector<std::string>& words, const fs::path& output, int kept_descriptor,
                      const std::function<bool()>& stop, int stop_signal, const std::string& device) {
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) throw UserError(text("Can't write '", output.string(), "': ", std::strerror(errno), "."));
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string devices = device.empty() ? "" : std::string(kDevices) + device;
  const std::vector<char*> variables = environment_of_trial(devices);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(arguments.data(), variables.data(), file, kept_descriptor, parent);
  ::close(file);
  if (child < 0) throw UserError(text("Can't start a trial's process: ", std::strerror(errno), "."));

  bool stopped = false, killed = false;
  Clock::time_point deadline;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) {
      if (stopped) return -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (!stopped && stop()) {
      stopped = true;
      deadline = Clock::now() + kPatience;
      ::kill(child, stop_signal);
    }
    if (stopped && !killed && Clock::now() > deadline) {
      killed = true;
      ::kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace dcmmm
