// A sweep's journal from anywhere: its study is read, summed up and written on, or refused.
#include <cstdlib>

#include "common/errors.hpp"
#include "sweep/study.hpp"
#include "sweep/summary.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  static const SearchSpace space = {parse_search_word("lr=tag(log, interval(1e-4,1e-1))"),
                                    parse_search_word("n=interval(1,9)"), parse_search_word("kind=x,y")};
  const auto path = testing::input_file("journal.log", bytes, count);
  try {
    StudyFile file(path);
    const Study& study = file.refresh();
    trials_csv(study, space);
    summary_data(study, space, {"loss"}, "").dump(-1, ' ', true, JournalLine::error_handler_t::replace);
    const size_t before = study.trials().size();
    file.change([&](const Study&) { return std::vector{create_trial_line(space, {0.01, 4, 1})}; });
    if (StudyFile(path).refresh().trials().size() != before + 1) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
