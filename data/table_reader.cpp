#include "data/table_reader.hpp"

#include "common/errors.hpp"
#include "common/text.hpp"

#ifdef DCMMM_ARROW

#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <arrow/io/api.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <fstream>

#include "data/arrow_cells.hpp"
#include "data/arrow_status.hpp"
#include "data/csv_lines.hpp"

namespace dcmmm {
namespace {

enum class FileKind { kCsv, kGzipCsv, kParquet };

FileKind detect_kind(const std::filesystem::path& path) {
  const std::string name = path.string();
  const bool is_folder = std::filesystem::is_directory(path);
  std::ifstream in(path, std::ios::binary);
  if (!in || is_folder) {
    throw UserError(text("Can't read '", name,
                         "': ", is_folder ? "it is a folder" : "the file is missing or not readable",
                         ". Expected a CSV (also .gz) or Parquet file."));
  }
  char begin[4] = {};
  in.read(begin, sizeof begin);
  const std::string_view magic(begin, static_cast<size_t>(in.gcount()));
  if (magic.empty()) {
    throw UserError(text(name, ": the file is empty. Expected a header line and one row per region and week."));
  }
  if (magic == "PAR1") return FileKind::kParquet;
  if (magic.substr(0, 2) == "\x1f\x8b") return FileKind::kGzipCsv;
  if (magic == "\x89HDF")
    throw UserError(text(name,
                         ": an HDF5 file, such as a panel that dcmmm has imported, not a table. Expected a CSV "
                         "(also .gz) or Parquet file; a panel file is given as data.panel."));
  const std::string extension = path.extension().string();
  if (extension == ".gz") {
    throw UserError(
        text(name, ": named .gz, but not a gzip file. Compress it with gzip or drop the .gz from its name."));
  }
  if (extension == ".parquet")
    throw UserError(text(name, ": named .parquet, but not a Parquet file. Export it again."));
  if (magic.substr(0, 2) == "PK" || magic == "\xd0\xcf\x11\xe0") {
    throw UserError(text(name, ": a spreadsheet or an archive, not a CSV or Parquet file. Save the table as CSV."));
  }
  if (magic.find('\0') != std::string_view::npos || magic[0] == '\xff' || magic[0] == '\xfe') {
    throw UserError(text(name, ": not a CSV text in UTF-8. Save the table as CSV in UTF-8."));
  }
  return FileKind::kCsv;
}

constexpr const char* kZeroAdvice = "Remove it, or export the table again as UTF-8.";

std::string on_one_line(std::string value) {
  for (char& c : value)
    if (c == '\r' || c == '\n') c = ' ';
  return value;
}

// A message would end at a zero byte.
std::string with_visible_zeros(std::string_view value) {
  std::string out;
  for (const char c : value) out += c == '\0' ? std::string("\\0") : std::string(1, c);
  return out;
}

}  // namespace

struct TableReader::State {
  std::filesystem::path path;
  FileKind kind = FileKind::kCsv;
  std::vector<std::string> columns, labels, values;
  std::unique_ptr<arrow::util::Codec> codec;
  std::unique_ptr<parquet::arrow::FileReader> parquet;
  std::shared_ptr<arrow::RecordBatchReader> batches;
  std::shared_ptr<arrow::RecordBatch> batch;  // kept alive, since cells view its texts
  int64_t rows_before = 0;                    // rows of the batches before this one

  std::string name() const { return path.string(); }

  std::shared_ptr<arrow::io::InputStream> open_text() {
    auto file = take(arrow::io::ReadableFile::Open(name()));
    if (kind == FileKind::kCsv) return file;
    if (!codec) codec = take(arrow::util::Codec::Create(arrow::Compression::GZIP));
    return take(arrow::io::CompressedInputStream::Make(codec.get(), file));
  }

  void open() {
    if (kind == FileKind::kParquet) {
      parquet::ReaderProperties properties;
      properties.set_page_checksum_verification(true);
      parquet::arrow::FileReaderBuilder builder;
      require(builder.Open(take(arrow::io::ReadableFile::Open(name())), properties));
      parquet::ArrowReaderProperties arrow_properties;
      arrow_properties.set_pre_buffer(false);  // it would hold the whole file
      builder.properties(arrow_properties);
      parquet = take(builder.Build());
      std::shared_ptr<arrow::Schema> schema;
      require(parquet->GetSchema(&schema));
      columns = schema->field_names();
      return;
    }
    check_separator();
    auto read_options = arrow::csv::ReadOptions::Defaults();
    read_options.use_threads = false;  // a rank has its cores for itself, and one core parses 150 MB/s
    auto parse_options = arrow::csv::ParseOptions::Defaults();
    parse_options.newlines_in_values = true;  // in quotes: a note of two lines may stand where a block of text ends
    auto convert_options = arrow::csv::ConvertOptions::Defaults();
    convert_options.default_column_type = arrow::binary();  // texts as they stand: only so can a message quote them
    const auto reader = take(arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), open_text(),
                                                               read_options, parse_options, convert_options));
    columns = reader->schema()->field_names();
    for (auto& column : columns) {
      column.erase(0, column.find_first_not_of(" \t"));
      column.erase(column.find_last_not_of(" \t") + 1);
    }
    batches = reader;
  }

  // Feeds the text to `lines` until it has found what it looks for.
  void walk(CsvLines& lines) {
    const auto stream = open_text();
    for (;;) {
      const auto piece = take(stream->Read(1 << 20));
      if (piece->size() == 0) break;
      if (!lines.feed({reinterpret_cast<const char*>(piece->data()), static_cast<size_t>(piece->size())})) return;
    }
    lines.finish();
  }

  // Runs `action`; where Arrow gives up, says why in our words.
  template <class Action>
  void guarded(const Action& action) {
    std::string reason;
    try {
      action();
      return;
    } catch (const Error&) {
      throw;
    } catch (const arrow::Status& status) {
      reason = reason_of(status);
    } catch (const std::exception& error) {  // parquet's own errors
      reason = error.what();
      reason.resize(std::min(reason.size(), reason.find('\n')));
    }
    fail(reason);
  }

  [[noreturn]] void fail(const std::string& reason) {
    if (kind == FileKind::kParquet) {
      throw UserError(text(name(), ": a damaged or truncated Parquet file (", reason, "). Copy or export it again."));
    }
    try {
      CsvLines lines(-1);
      walk(lines);
      if (lines.found()) {
        throw UserError(
            text(name(), ", line ", lines.line(), ": ", lines.fields(), " fields, expected ", lines.header_fields(),
                 " as in the header. Look for a missing or an extra comma, or put quotes around text with commas."));
      }
      if (lines.ended_in_quotes()) {
        throw UserError(
            text(name(), ", line ", lines.quote_line(), ": a quote opens and is never closed. Close or remove it."));
      }
    } catch (const arrow::Status& status) {
      throw UserError(
          text(name(), ": a damaged or truncated gzip file (", reason_of(status), "). Copy or compress it again."));
    }
    if (reason.find("Empty CSV") != std::string::npos) {
      throw UserError(
          text(name(), ": the file is empty or a header without rows. Expected one row per region and week."));
    }
    throw UserError(text(name(), ": can't be read as CSV (", reason, "). Expected comma-separated text in UTF-8."));
  }

  // Before Arrow counts fields: decimal commas would make the rows look longer than the header.
  void check_separator() {
    constexpr int64_t kHeaderBytes = 1 << 16;
    const auto piece = take(open_text()->Read(kHeaderBytes));
    std::string_view header(reinterpret_cast<const char*>(piece->data()), static_cast<size_t>(piece->size()));
    header.remove_prefix(std::min(header.find_first_not_of("\r\n"), header.size()));
    header = header.substr(0, header.find_first_of("\r\n"));
    if (header.find(',') != header.npos) return;
    for (const char separator : {';', '\t', '|'}) {
      if (header.find(separator) == header.npos) continue;
      throw UserError(text(name(), ", line 1: fields are separated by '",
                           separator == '\t' ? "tab" : std::string(1, separator),
                           "', expected commas. Save the table as CSV with commas and a decimal point."));
    }
  }

  // Labels and column names end up in files of arrays, which can't keep zero bytes.
  void check_column_names() const {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].find_first_of("\r\n") != std::string::npos)
        throw UserError(text(name(), ": the name of column ", i + 1, " ('", on_one_line(columns[i]),
                             "') holds a line break. Expected a name on one line; rename the column."));
      if (columns[i].find('\0') == std::string::npos) continue;
      throw UserError(text(name(), kind == FileKind::kParquet ? "" : ", line 1", ": the name of column ", i + 1, " ('",
                           with_visible_zeros(columns[i]), "') holds a zero byte. ", kZeroAdvice));
    }
  }
};

TableReader::TableReader(const std::filesystem::path& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->kind = detect_kind(path);
  state_->guarded([&] { state_->open(); });
  state_->check_column_names();
}

TableReader::~TableReader() = default;

const std::vector<std::string>& TableReader::columns() const { return state_->columns; }

void TableReader::select(const std::vector<std::string>& labels, const std::vector<std::string>& values) {
  state_->labels = labels;
  state_->values = values;
  if (state_->kind != FileKind::kParquet) return;
  state_->guarded([&] {
    const auto metadata = state_->parquet->parquet_reader()->metadata();
    std::vector<int> indices, row_groups(static_cast<size_t>(metadata->num_row_groups()));
    for (int group = 0; group < metadata->num_row_groups(); ++group) row_groups[static_cast<size_t>(group)] = group;
    for (const auto* names : {&labels, &values}) {
      for (const auto& column : *names) {
        const int index = metadata->schema()->ColumnIndex(column);
        if (index < 0) {
          throw UserError(
              text(state_->name(), ", column '", column,
                   "': holds nested values. Expected numbers, text or dates; flatten or leave out the column."));
        }
        if (std::find(indices.begin(), indices.end(), index) == indices.end()) indices.push_back(index);
      }
    }
    state_->batches = take(state_->parquet->GetRecordBatchReader(row_groups, indices));
  });
}

bool TableReader::next(std::vector<CellColumn>& cells) {
  bool has_rows = false;
  state_->guarded([&] {
    if (state_->batch) state_->rows_before += state_->batch->num_rows();
    do {
      require(state_->batches->ReadNext(&state_->batch));
    } while (state_->batch && state_->batch->num_rows() == 0);
    if (!state_->batch) return;
    has_rows = true;
    cells.resize(state_->labels.size() + state_->values.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      const bool is_label = i < state_->labels.size();
      const auto& column = is_label ? state_->labels[i] : state_->values[i - state_->labels.size()];
      // A CSV batch holds every column, in file order; a Parquet batch those selected, by name.
      const auto place = std::find(state_->columns.begin(), state_->columns.end(), column) - state_->columns.begin();
      const auto array = state_->kind == FileKind::kParquet ? state_->batch->GetColumnByName(column)
                                                            : state_->batch->column(static_cast<int>(place));
      convert_cells(*array, is_label, text(state_->name(), ", column '", column, "'"), cells[i]);
      for (size_t row = 0; is_label && row < cells[i].texts.size(); ++row) {
        const std::string_view label = cells[i].texts[row];
        if (label.find('\0') == label.npos) continue;
        throw UserError(text(state_->name(), ", ", this->place(state_->rows_before + static_cast<int64_t>(row)),
                             ", column '", column, "': '", with_visible_zeros(label), "' holds a zero byte. ",
                             kZeroAdvice));
      }
    }
  });
  return has_rows;
}

std::string TableReader::place(int64_t row) const {
  if (state_->kind == FileKind::kParquet) return text("row ", row + 1);
  CsvLines lines(row + 1);
  state_->guarded([&] { state_->walk(lines); });
  return text("line ", lines.line());
}

}  // namespace dcmmm

#else

namespace dcmmm {

struct TableReader::State {
  std::vector<std::string> columns;
};

TableReader::TableReader(const std::filesystem::path& path) {
  throw UserError(text("Can't read '", path.string(),
                       "': this build has no Arrow, so it reads panel files (.h5) only. ",
                       "Run `bash launch/build.sh`, which fetches Arrow, and import again."));
}

TableReader::~TableReader() = default;
const std::vector<std::string>& TableReader::columns() const { return state_->columns; }
void TableReader::select(const std::vector<std::string>&, const std::vector<std::string>&) {}
bool TableReader::next(std::vector<CellColumn>&) { return false; }
std::string TableReader::place(int64_t) const { return ""; }

}  // namespace dcmmm
#endif
