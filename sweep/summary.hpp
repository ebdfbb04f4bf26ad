// What came out of a study: a table, and the data of its page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sweep/space.hpp"
#include "sweep/study.hpp"

namespace dcmmm {

/// Completed trials, the best first; of several objectives those that no other trial beats, then those that only these
/// beat, and so on, each by the first objective.
std::vector<const Trial*> ranked_trials(const Study& study);

/// Those that no other trial beats, in their order; with one objective the best trial, and its equals.
std::vector<const Trial*> pareto_front(const Study& study);

/// trials.csv: number,state,objective,started,ended and a column for each key of the space; every trial. Further
/// objectives are objective_2, ... behind the first.
std::string trials_csv(const Study& study, const SearchSpace& space);

/// For each parameter the share of the variance of the trials' ranks that lies between groups of its values: its
/// choices, or four groups of equal size of a number (the correlation ratio, Pearson 1905, adjusted for the number of
/// groups as epsilon squared, Kelley 1935; so that a parameter without effect has 0 on average). Effects of single
/// parameters only, not of pairs. NaN with fewer than 8 completed trials, or with one value alone.
std::vector<double> importances(const Study& study, const SearchSpace& space);

/// The data of report.html. `about`: a line of text at its head.
nlohmann::ordered_json summary_data(const Study& study, const SearchSpace& space,
                                    const std::vector<std::string>& objectives, const std::string& about);

}  // namespace dcmmm
