// A sweep's folder: the study and its panel, which its workers share, and what people read.
#pragma once

#include <filesystem>

#include "comm/communicator.hpp"
#include "launch/sweep_settings.hpp"
#include "sweep/study.hpp"

namespace dcmmm {

/// Whether its words, and not only those kept with the sweep, say sweep.trials.
bool asks_for_trials(const SweepLine& line);

/// How many trials there are to be: those that `line` asks for, or else those that were asked for last. A worker that
/// is no `resume` may come late from a queue, and asks for no fewer.
int64_t wanted_trials(const SweepLine& line, const Sweep& sweep, const Study& study);

/// The copy of data.experiments that was made when the study began, "" where there is none.
std::filesystem::path kept_experiments(const Study& study, const Sweep& sweep);

/// Makes the study, or joins the one that is there. Throws UserError where that one isn't of these words.
void open_study(const SweepLine& line, const Sweep& sweep, Communicator& world);

/// trials.csv and report.html, of the study as it is when nobody else writes them.
void write_summary(StudyFile& file, const Sweep& sweep);

/// Counts of trials by state, and the best of them, for people.
void print_status(const Study& study, const Sweep& sweep);

}  // namespace dcmmm
