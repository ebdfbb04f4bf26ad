#include "report/page_writer.hpp"

#include <map>

#include "common/errors.hpp"
#include "common/files.hpp"
#include "common/text.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

std::string asset(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw UserError(text("'", path.string(),
                         "' is missing: pages are made from it. Run `bash launch/build.sh`, which fetches it."));
  return read_text_file(path);
}

// A script's text inside its element: "</script" would end it.
std::string script_text(std::string source) {
  for (std::size_t at = 0; (at = source.find("</script", at)) != source.npos; at += 3) source.replace(at, 2, "<\\/");
  return source;
}

}  // namespace

std::string html_text(std::string_view value) {
  std::string out;
  for (const char letter : value) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

std::string script_json(const nlohmann::ordered_json& value) {
  // Only texts hold a <, so the escape is valid wherever it stands.
  const std::string json = value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(json.size());
  for (const char letter : json) {
    if (letter == '<')
      out += "\\u003c";
    else
      out += letter;
  }
  return out;
}

std::string page_html(const Page& page, const PageFolders& folders) {
  std::string style, script;
  for (const std::string& name : page.styles) style += asset(folders.assets / name);
  for (const std::string& name : page.scripts) script += asset(folders.assets / name);
  const std::map<std::string, std::string> parts = {{"title", html_text(page.title)},
                                                    {"style", style},
                                                    {"plotly", script_text(asset(folders.plotly))},
                                                    {"data", script_json(page.data)},
                                                    {"script", script_text(script)}};
  // In one pass: what is filled in is never looked at again.
  const std::string frame = asset(folders.assets / "page.html");
  std::string out;
  std::size_t from = 0;
  for (std::size_t open; (open = frame.find("{{", from)) != frame.npos;) {
    const std::size_t close = frame.find("}}", open);
    out += frame.substr(from, open - from);
    out += parts.at(frame.substr(open + 2, close - open - 2));
    from = close + 2;
  }
  return out + frame.substr(from);
}

}  // namespace dcmmm
