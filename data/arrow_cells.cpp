#ifdef DCMMM_ARROW

#include "data/arrow_cells.hpp"

#include <arrow/api.h>

#include <cmath>
#include <string>
#include <type_traits>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/time_axis.hpp"

namespace dcmmm {
namespace {

constexpr int64_t kMillisecondsPerDay = 86'400'000;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

template <class TextArray>
void convert_texts(const arrow::Array& array, CellColumn& cells) {
  const auto& texts = static_cast<const TextArray&>(array);
  cells.is_text = true;
  cells.texts.resize(static_cast<size_t>(array.length()));
  for (int64_t row = 0; row < array.length(); ++row) {
    cells.texts[row] = texts.IsNull(row) ? std::string_view() : trimmed(texts.GetView(row));
  }
}

// Makes texts out of values that the file doesn't hold as text.
template <class MakeText>
void make_texts(const arrow::Array& array, CellColumn& cells, const MakeText& make_text) {
  cells.is_text = true;
  cells.storage.resize(static_cast<size_t>(array.length()));
  cells.texts.resize(static_cast<size_t>(array.length()));
  for (int64_t row = 0; row < array.length(); ++row) {
    cells.storage[row] = array.IsNull(row) ? std::string() : make_text(row);
    cells.texts[row] = cells.storage[row];
  }
}

// A label: whole numbers in full, where shortest() would write 500000 as 5e+05.
std::string label_text(int64_t value) { return std::to_string(value); }
std::string label_text(uint64_t value) { return std::to_string(value); }
std::string label_text(double value) {
  constexpr double kWhole = 9007199254740992.0;  // 2^53: beyond it doubles have gaps
  if (std::trunc(value) == value && std::abs(value) < kWhole) return std::to_string(static_cast<int64_t>(value));
  return shortest(value);
}

template <class NumberArray>
void convert_numbers(const arrow::Array& array, bool as_text, CellColumn& cells) {
  const auto& numbers = static_cast<const NumberArray&>(array);
  if (as_text) {
    using Value = decltype(numbers.Value(0));
    using Wide = std::conditional_t<std::is_floating_point_v<Value>, double,
                                    std::conditional_t<std::is_signed_v<Value>, int64_t, uint64_t>>;
    return make_texts(array, cells, [&](int64_t row) { return label_text(static_cast<Wide>(numbers.Value(row))); });
  }
  cells.is_text = false;
  cells.numbers.resize(static_cast<size_t>(array.length()));
  cells.missing.resize(static_cast<size_t>(array.length()));
  for (int64_t row = 0; row < array.length(); ++row) {
    cells.missing[row] = numbers.IsNull(row);
    cells.numbers[row] = numbers.IsNull(row) ? 0.0 : static_cast<double>(numbers.Value(row));
  }
}

// A time of day other than midnight stays visible, so that parsing the date refuses it.
std::string date_text(int64_t milliseconds) {
  int64_t days = milliseconds / kMillisecondsPerDay;
  if (milliseconds % kMillisecondsPerDay < 0) --days;
  const int64_t rest = milliseconds - days * kMillisecondsPerDay;
  if (rest == 0) return iso_date(days);
  return text(iso_date(days), " + ", rest / 1000, " s");
}

int64_t units_per_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    default:
      return 1'000'000'000;
  }
}

void convert_dictionary(const arrow::DictionaryArray& array, bool as_text, const std::string& column,
                        CellColumn& cells) {
  CellColumn entries;
  convert_cells(*array.dictionary(), as_text, column, entries);
  cells.is_text = entries.is_text;
  const size_t rows = static_cast<size_t>(array.length());
  cells.texts.resize(entries.is_text ? rows : 0);
  cells.numbers.resize(entries.is_text ? 0 : rows);
  cells.missing.resize(entries.is_text ? 0 : rows);
  for (size_t row = 0; row < rows; ++row) {
    const bool is_missing = array.IsNull(static_cast<int64_t>(row));
    const auto entry = is_missing ? 0 : static_cast<size_t>(array.GetValueIndex(static_cast<int64_t>(row)));
    if (entries.is_text) {
      cells.texts[row] = is_missing ? std::string_view() : entries.texts[entry];
    } else {
      cells.missing[row] = is_missing || entries.missing[entry];
      cells.numbers[row] = is_missing ? 0.0 : entries.numbers[entry];
    }
  }
  cells.storage = std::move(entries.storage);  // its strings stay where they are, so the views into them hold
}

void convert_numeric(const arrow::Array& array, bool as_text, const std::string& column, CellColumn& cells) {
  switch (array.type_id()) {
    case arrow::Type::DOUBLE:
      return convert_numbers<arrow::DoubleArray>(array, as_text, cells);
    case arrow::Type::FLOAT:
      return convert_numbers<arrow::FloatArray>(array, as_text, cells);
    case arrow::Type::INT64:
      return convert_numbers<arrow::Int64Array>(array, as_text, cells);
    case arrow::Type::INT32:
      return convert_numbers<arrow::Int32Array>(array, as_text, cells);
    case arrow::Type::INT16:
      return convert_numbers<arrow::Int16Array>(array, as_text, cells);
    case arrow::Type::INT8:
      return convert_numbers<arrow::Int8Array>(array, as_text, cells);
    case arrow::Type::UINT64:
      return convert_numbers<arrow::UInt64Array>(array, as_text, cells);
    case arrow::Type::UINT32:
      return convert_numbers<arrow::UInt32Array>(array, as_text, cells);
    case arrow::Type::UINT16:
      return convert_numbers<arrow::UInt16Array>(array, as_text, cells);
    case arrow::Type::UINT8:
      return convert_numbers<arrow::UInt8Array>(array, as_text, cells);
    case arrow::Type::BOOL:
      return convert_numbers<arrow::BooleanArray>(array, as_text, cells);
    case arrow::Type::NA:
      if (as_text) return make_texts(array, cells, [](int64_t) { return std::string(); });
      cells.is_text = false;
      cells.numbers.assign(static_cast<size_t>(array.length()), 0.0);
      cells.missing.assign(static_cast<size_t>(array.length()), 1);
      return;
    default:
      throw UserError(text(column, ": holds values of type ", array.type()->ToString(),
                           ". Expected numbers, text or dates; flatten or leave out the column."));
  }
}

}  // namespace

void convert_cells(const arrow::Array& array, bool as_text, const std::string& column, CellColumn& cells) {
  cells.storage.clear();
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return convert_texts<arrow::BinaryArray>(array, cells);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return convert_texts<arrow::LargeBinaryArray>(array, cells);
    case arrow::Type::DICTIONARY:
      return convert_dictionary(static_cast<const arrow::DictionaryArray&>(array), as_text, column, cells);
    case arrow::Type::DATE32: {
      const auto& dates = static_cast<const arrow::Date32Array&>(array);
      return make_texts(array, cells, [&](int64_t row) { return iso_date(dates.Value(row)); });
    }
    case arrow::Type::DATE64: {
      const auto& dates = static_cast<const arrow::Date64Array&>(array);
      return make_texts(array, cells, [&](int64_t row) { return date_text(dates.Value(row)); });
    }
    case arrow::Type::TIMESTAMP: {
      const auto& times = static_cast<const arrow::TimestampArray&>(array);
      const int64_t units = units_per_second(static_cast<const arrow::TimestampType&>(*array.type()).unit());
      return make_texts(array, cells, [&](int64_t row) {
        const int64_t value = times.Value(row);
        return date_text(units == 1 ? value * 1000 : value / (units / 1000));
      });
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimals = static_cast<const arrow::Decimal128Array&>(array);
      return make_texts(array, cells, [&](int64_t row) { return decimals.FormatValue(row); });
    }
    default:
      break;
  }
  convert_numeric(array, as_text, column, cells);
}

}  // namespace dcmmm
#endif
