#include "data/parquet_writer.hpp"

#include "common/errors.hpp"
#include "common/text.hpp"

#ifdef DCMMM_ARROW

#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/writer.h>

#include <memory>
#include <vector>

#include "data/arrow_status.hpp"

namespace dcmmm {
namespace {

// The columns of the header line, with their types.
std::shared_ptr<arrow::Schema> schema_of(const arrow::Schema& columns, const std::set<std::string>& texts) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const std::string& name : columns.field_names())
    fields.push_back(arrow::field(name, texts.count(name) != 0 ? arrow::utf8() : arrow::float64()));
  return arrow::schema(fields);
}

std::shared_ptr<arrow::csv::StreamingReader> open(const std::filesystem::path& csv, const arrow::Schema* types) {
  auto reading = arrow::csv::ReadOptions::Defaults();
  reading.use_threads = false;
  auto parsing = arrow::csv::ParseOptions::Defaults();
  parsing.newlines_in_values = true;
  auto conversion = arrow::csv::ConvertOptions::Defaults();
  conversion.null_values = {""};
  conversion.strings_can_be_null = false;
  if (types != nullptr)
    for (const auto& field : types->fields()) conversion.column_types[field->name()] = field->type();
  else
    conversion.default_column_type = arrow::utf8();  // for their names alone
  auto file = take(arrow::io::ReadableFile::Open(csv.string()));
  return take(arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), file, reading, parsing, conversion));
}

}  // namespace

void write_parquet(const std::filesystem::path& csv, const std::set<std::string>& texts,
                   const std::filesystem::path& output) {
  bool reads = true;  // or writes
  try {
    const auto types = schema_of(*open(csv, nullptr)->schema(), texts);
    const auto rows = open(csv, types.get());
    reads = false;
    auto file = take(arrow::io::FileOutputStream::Open(output.string()));
    const auto settings = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    const auto writer = take(parquet::arrow::FileWriter::Open(*types, arrow::default_memory_pool(), file, settings));
    std::shared_ptr<arrow::RecordBatch> batch;
    for (;;) {
      reads = true;
      require(rows->ReadNext(&batch));
      reads = false;
      if (!batch) break;
      require(writer->WriteRecordBatch(*batch));
    }
    require(writer->Close());
    require(file->Close());
  } catch (const arrow::Status& status) {
    if (reads)
      throw UserError(text("Can't read '", csv.string(), "' to write '", output.string(), "': ", reason_of(status),
                           ". Export again, or as CSV (export.format=csv)."));
    throw UserError(text("Can't write '", output.string(), "': ", reason_of(status),
                         ". Check that the folder exists, may be written and has space left."));
  }
}

}  // namespace dcmmm

#else

namespace dcmmm {

void write_parquet(const std::filesystem::path&, const std::set<std::string>&, const std::filesystem::path& output) {
  throw UserError(text("Can't write '", output.string(),
                       "': this build has no Arrow, which writes Parquet. Export CSV instead (export.format=csv), or "
                       "build with bash launch/build.sh, which fetches Arrow."));
}

}  // namespace dcmmm

#endif
