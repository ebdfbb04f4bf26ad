#include "report/page_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/errors.hpp"
#include "common/files.hpp"

namespace dcmmm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

/// A folder of small assets in place of the real ones.
class PageWriter : public ::testing::Test {
 protected:
  PageWriter() : path_(fs::temp_directory_path() / ("dcmmm_page_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
    write("page.html", "<title>{{title}}</title><style>{{style}}</style><data>{{data}}</data>{{plotly}}|{{script}}");
    write("a.css", "p{}");
    write("a.js", "first;");
    write("b.js", "second;");
    write("plotly.js", "plotly");
  }
  ~PageWriter() override { fs::remove_all(path_); }
  void write(const char* name, const std::string& content) const { write_text_file(path_ / name, content); }
  std::string html(const Page& page) const { return page_html(page, {path_, path_ / "plotly.js"}); }

  fs::path path_;
};

TEST_F(PageWriter, PutsEveryPartInItsPlace) {
  const Page page{"A title", {"a.css"}, {"a.js", "b.js"}, {{"x", 1.5}}};
  EXPECT_EQ(html(page), "<title>A title</title><style>p{}</style><data>{\"x\":1.5}</data>plotly|first;second;");
}

TEST_F(PageWriter, LetsNoNameEndItsElement) {
  const std::string name = "</script><script>alert(1)</script>";
  const std::string page = html({name, {}, {}, {{"name", name}, {name, "<!--"}}});
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("</script")));
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_THAT(page, HasSubstr("<title>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>"));
  const std::size_t from = page.find("<data>") + 6;
  const auto read = nlohmann::json::parse(page.substr(from, page.find("</data>") - from));
  EXPECT_EQ(read["name"], name);
  EXPECT_EQ(read[name], "<!--");
}

TEST_F(PageWriter, NeverFillsInWhatWasFilledIn) {
  EXPECT_THAT(html({"{{data}}", {}, {}, {{"x", "{{plotly}}"}}}), HasSubstr("<title>{{data}}</title>"));
}

TEST_F(PageWriter, KeepsAScriptFromEndingItself) {
  write("a.js", "x = '</script>';");
  EXPECT_THAT(html({"", {}, {"a.js"}, {}}), HasSubstr("x = '<\\/script>';"));
}

TEST_F(PageWriter, MendsTextsThatAreNotUtf8) {
  EXPECT_EQ(script_json({{"x",
                          "a\xff"
                          "b"}}),
            "{\"x\":\"a\xef\xbf\xbd"
            "b\"}");
  EXPECT_EQ(script_json("Kanal ü \u2028 =cmd()"), "\"Kanal ü \u2028 =cmd()\"");
}

TEST_F(PageWriter, NamesAMissingFile) {
  try {
    html({"", {}, {"none.js"}, {}});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("none.js' is missing"));
    EXPECT_THAT(error.what(), HasSubstr("launch/build.sh"));
  }
}

}  // namespace
}  // namespace dcmmm
