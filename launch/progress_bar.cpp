#include "launch/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "common/text.hpp"

namespace dcmmm {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 10.0;
constexpr int kBarWidth = 24;  // characters

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string formatted(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string time_left(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace

ProgressBar::ProgressBar(int64_t first_step, int64_t steps, ProgressBarOptions options)
    : first_step_(first_step), steps_(steps), options_(std::move(options)), step_(first_step) {
  if (!options_.out) options_.out = &std::cerr;
  if (!options_.clock_seconds) options_.clock_seconds = steady_seconds;
  if (!options_.is_terminal) options_.is_terminal = isatty(STDERR_FILENO) == 1;
  start_ = last_drawn_ = options_.clock_seconds();
  last_tenth_ = steps_ > 0 ? 10 * first_step_ / steps_ : 0;
}

ProgressBar::~ProgressBar() { erase(); }

void ProgressBar::update(int64_t step, double loss, std::optional<double> skill) {
  step_ = step;
  loss_ = loss;
  if (skill) skill_ = skill;
  if (options_.quiet) return;
  const double now = options_.clock_seconds();
  const int64_t tenth = steps_ > 0 ? 10 * step / steps_ : 10;
  const bool is_last = step >= steps_;
  if (*options_.is_terminal) {
    if (is_drawn_ && !is_last && now - last_drawn_ < kRedrawSeconds) return;
    *options_.out << "\r\033[K" << line() << std::flush;
    is_drawn_ = true;
  } else {
    if (tenth == last_tenth_ && now - last_drawn_ < kLineSeconds) return;
    *options_.out << line() << std::endl;
  }
  last_tenth_ = tenth;
  last_drawn_ = now;
}

void ProgressBar::erase() {
  if (!is_drawn_) return;
  *options_.out << "\r\033[K" << std::flush;
  is_drawn_ = false;
}

std::string ProgressBar::line() const {
  const double seconds = options_.clock_seconds() - start_;
  const int64_t done = step_ - first_step_;
  const double rate = seconds > 0 && done > 0 ? static_cast<double>(done) / seconds : 0;
  std::string out;
  if (*options_.is_terminal) {
    const double share =
        steps_ > 0 ? std::clamp(static_cast<double>(step_) / static_cast<double>(steps_), 0.0, 1.0) : 1.0;
    const auto full = static_cast<size_t>(share * kBarWidth);
    out += text("[", std::string(full, '#'), std::string(kBarWidth - full, '-'), "] ");
  }
  out += "step " + std::to_string(step_) + "/" + std::to_string(steps_);
  if (rate > 0) out += formatted(rate < 10 ? "  %.2f steps/s" : "  %.0f steps/s", rate);
  out += formatted("  loss %.6g", loss_);
  if (skill_) out += formatted("  validation skill %.3f", *skill_);
  if (rate > 0 && step_ < steps_) out += "  " + time_left(static_cast<double>(steps_ - step_) / rate) + " left";
  return out;
}

}  // namespace dcmmm
