// Small tables on disk for the import's tests: text, gzip and Parquet, the latter two written by Arrow.
#pragma once

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace dcmmm {

/// A folder of its own for each test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name =
        std::string("dcmmm_") + test->test_suite_name() + "_" + test->name() + "_" + std::to_string(::getpid());
    for (auto& c : name) c = c == '/' ? '_' : c;
    path_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path write_bytes(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::filesystem::path write_gzip(const std::filesystem::path& path, const std::string& content) {
  const auto codec = arrow::util::Codec::Create(arrow::Compression::GZIP).ValueOrDie();
  const auto file = arrow::io::FileOutputStream::Open(path.string()).ValueOrDie();
  const auto stream = arrow::io::CompressedOutputStream::Make(codec.get(), file).ValueOrDie();
  EXPECT_TRUE(stream->Write(content.data(), static_cast<int64_t>(content.size())).ok());
  EXPECT_TRUE(stream->Close().ok());
  return path;
}

template <class Builder, class Value>
std::shared_ptr<arrow::Array> arrow_array(const std::vector<Value>& values, const std::vector<bool>& missing = {}) {
  Builder builder;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_missing = !missing.empty() && missing[i];
    EXPECT_TRUE((is_missing ? builder.AppendNull() : builder.Append(values[i])).ok());
  }
  return builder.Finish().ValueOrDie();
}

inline std::filesystem::path write_parquet(const std::filesystem::path& path, const std::vector<std::string>& names,
                                           const std::vector<std::shared_ptr<arrow::Array>>& columns,
                                           int64_t rows_per_group = 1 << 20) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (size_t i = 0; i < names.size(); ++i) fields.push_back(arrow::field(names[i], columns[i]->type()));
  const auto table = arrow::Table::Make(arrow::schema(fields), columns);
  const auto file = arrow::io::FileOutputStream::Open(path.string()).ValueOrDie();
  const auto properties = parquet::WriterProperties::Builder().enable_page_checksum()->build();
  const auto schema_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file, rows_per_group, properties,
                                         schema_properties)
                  .ok());
  EXPECT_TRUE(file->Close().ok());
  return path;
}

}  // namespace dcmmm
