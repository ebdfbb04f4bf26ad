// A sweep's folder: the study and its panel, which its workers share, and what people read.
#pragma once

#include <string>

#include "comm/communicator.hpp"
#include "launch/sweep_settings.hpp"
#include "sweep/study.hpp"

namespace dcmmm {

/// The study's attribute with the number of trials that was asked for last.
extern const std::string kTrials;

/// Makes the study, or joins the one that is there. Throws UserError where that one isn't of these words.
void open_study(const SweepLine& line, const Sweep& sweep, Communicator& world);

/// Composes trials with each choice and with both ends of each interval: what none can be run with is told before
/// anything runs, not by every trial; so are choices that are one value. Throws UserError.
void check_trials(const SweepLine& line, const Sweep& sweep);

/// trials.csv and report.html.
void write_summary(const Study& study, const Sweep& sweep);

/// Counts of trials by state, and the best of them, for people.
void print_status(const Study& study, const Sweep& sweep);

}  // namespace dcmmm
