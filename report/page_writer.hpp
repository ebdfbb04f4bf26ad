// One self-contained HTML page: markup, styles, scripts, plotly.js and data in one file that asks the network for
// nothing.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dcmmm {

/// Where the parts of pages lie.
struct PageFolders {
  std::filesystem::path assets;  // page.html, style.css and the scripts: report/assets
  std::filesystem::path plotly;  // plotly.min.js
};

/// What a page is made of. Scripts run in their order, after plotly.js; they read the data with
/// `JSON.parse(document.getElementById("data").textContent)`.
struct Page {
  std::string title;
  std::vector<std::string> styles, scripts;  // names of files in the assets' folder
  nlohmann::ordered_json data;               // numbers, texts in UTF-8 (a broken one gets U+FFFD)
};

/// The page: page.html with its places {{title}}, {{style}}, {{plotly}}, {{data}} and {{script}} filled. Nothing that
/// stands in the title or in the data can end its element or become markup. The same page gives the same bytes. Throws
/// UserError when a file is missing.
std::string page_html(const Page& page, const PageFolders& folders);

/// A text for HTML: & < > and quotes as entities.
std::string html_text(std::string_view value);

/// JSON that may stand inside a <script> element: every < is written as \u003c.
std::string script_json(const nlohmann::ordered_json& value);

}  // namespace dcmmm
