// A table from anywhere: imported, or refused with words. The first byte says what kind of file it is.
#include "common/errors.hpp"
#include "data/events.hpp"
#include "data/table_import.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  using namespace dcmmm;
  if (count < 1) return 0;
  ImportOptions options;
  options.missing_media_is_zero = (bytes[0] & 2) != 0;
  options.source = testing::input_file((bytes[0] & 1) != 0 ? "table.csv.gz" : "table.csv", bytes + 1, count - 1);
  if ((bytes[0] & 4) != 0) options.events = options.source;
  try {
    ImportReport report;
    import_table(options, &report);
    describe(report);
  } catch (const Error&) {
  }
  return 0;
}
