#include "launch/interpolation.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/scalar_text.hpp"

namespace dcmmm {
namespace {

using Path = std::vector<std::string>;

constexpr int kMaxDepth = 100;  // of interpolations within interpolations; more means that they go in a circle

/// A place in the text of a value, and the value's own place in the config.
struct Cursor {
  const std::string& text;
  const Path& where;
  size_t i = 0;

  bool at_end() const { return i >= text.size(); }
  char peek() const { return at_end() ? '\0' : text[i]; }
  bool peek_any(std::string_view marks) const { return !at_end() && marks.find(text[i]) != marks.npos; }
  bool starts(std::string_view mark) const { return text.compare(i, mark.size(), mark) == 0; }
  void skip_spaces() {
    while (peek_any(" \t")) ++i;
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++i;
    return true;
  }
  size_t take_backslashes() {
    const size_t start = i;
    while (peek() == '\\') ++i;
    return i - start;
  }
};

class Resolver {
 public:
  explicit Resolver(const Value& root) : root_(root) {}

  Value resolve(const Value& value, const Path& where) {
    if (const auto* map = value.as<Value::Map>()) {
      Value::Map out;
      for (const auto& [key, item] : *map) out.emplace_back(key, resolve(item, below(where, key)));
      return out;
    }
    if (const auto* list = value.as<Value::List>()) {
      Value::List out;
      for (size_t i = 0; i < list->size(); ++i) out.push_back(resolve((*list)[i], below(where, std::to_string(i))));
      return out;
    }
    if (!value.is_interpolation()) return value;
    enter(where);
    Value out = resolve_text(*value.as<std::string>(), where);
    --depth_;
    return out;
  }

  /// The resolved value at an absolute path; `asked_at` is the key whose interpolation asks, for errors.
  Value get(const Path& path, const Path& asked_at) {
    const Value* value = &root_;
    Path where;
    for (const auto& key : path) {
      if (value->is_interpolation()) return get_behind(*value, where, path, asked_at);
      value = value->child(key);
      if (value == nullptr) {
        const std::string name = join(path, ".");
        fail(asked_at, text("the key '", name, "' was not found.", did_you_mean(name, leaf_paths(root_))));
      }
      where.push_back(key);
    }
    return resolve(*value, where);
  }

 private:
  static Path below(Path path, const std::string& key) {
    path.push_back(key);
    return path;
  }

  void enter(const Path& where) {
    if (++depth_ > kMaxDepth)
      throw UserError(text("The interpolation at '", join(where, "."), "' leads back to itself."));
  }

  [[noreturn]] static void fail(const Path& where, const std::string& problem) {
    const std::string place = where.empty() ? "" : " at '" + join(where, ".") + "'";
    throw UserError(text("Can't resolve the interpolation", place, ": ", problem));
  }

  [[noreturn]] static void fail_syntax(const Cursor& cursor) {
    fail(cursor.where, text("'", cursor.text, "' is not well formed near position ", cursor.i + 1,
                            ". Write ${key}, ${.sibling}, ${oc.env:NAME,default}, or \\${ for a literal ${."));
  }

  /// The value at `path`, which passes through the reference `${...}` at `where`: goes on at the place that it names.
  Value get_behind(const Value& reference, const Path& where, const Path& path, const Path& asked_at) {
    enter(where);
    Cursor cursor{*reference.as<std::string>(), where};
    std::string name;
    if (!cursor.starts("${") || !parse_reference(cursor, name) || !cursor.at_end()) {
      fail(asked_at, text("'", join(where, "."), "' is a text, which has no key '", path[where.size()], "'."));
    }
    Path target = absolute(name, where);
    target.insert(target.end(), path.begin() + static_cast<int64_t>(where.size()), path.end());
    Value out = get(target, asked_at);
    --depth_;
    return out;
  }

  /// A reference as written, `.x` and `..x` relative to the mapping that holds the value.
  static Path absolute(const std::string& name, const Path& where) {
    const size_t dots = std::min(name.find_first_not_of('.'), name.size());
    Path path = split_path(name.substr(dots));
    if (dots == 0) return path;
    if (dots > where.size()) fail(where, text("'", name, "' goes above the top of the config."));
    path.insert(path.begin(), where.begin(), where.end() - static_cast<int64_t>(dots));
    return path;
  }

  /// A text with interpolations. Backslashes count only before "${": two stand for one, a single one makes it literal.
  Value resolve_text(const std::string& written, const Path& where) {
    Cursor cursor{written, where};
    std::string out;
    while (!cursor.at_end()) {
      const size_t start = cursor.i;
      const size_t backslashes = cursor.take_backslashes();
      if (!cursor.starts("${")) {
        if (!cursor.at_end()) ++cursor.i;
        out += written.substr(start, cursor.i - start);
        continue;
      }
      out.append(backslashes / 2, '\\');
      if (backslashes % 2 == 1) {
        out += "${";
        cursor.i += 2;
        continue;
      }
      Value value = parse_interpolation(cursor);
      if (start == 0 && backslashes == 0 && cursor.at_end()) return value;
      out += python_text(value);
    }
    return out;
  }

  /// From "${" to behind its "}".
  Value parse_interpolation(Cursor& cursor) {
    std::string name;
    if (!parse_reference(cursor, name)) return call(name, parse_arguments(cursor), cursor.where);
    Value value = get(absolute(name, cursor.where), cursor.where);
    if (value.is_missing()) fail(cursor.where, text("'", name, "' is still '?\?\?'. Set it with ", name, "=VALUE."));
    return value;
  }

  /// Reads `${a.b[c]}` into "a.b[c]" and returns true, or reads `${name:` and returns false. A part may be an
  /// interpolation.
  bool parse_reference(Cursor& cursor, std::string& name) {
    cursor.i += 2;
    cursor.skip_spaces();
    while (true) {
      const bool part_starts = name.empty() || name.back() == '.' || name.back() == '[';
      if (cursor.starts("${") && part_starts) {
        const Value part = parse_interpolation(cursor);
        if (part.as<std::string>() == nullptr)
          fail(cursor.where, text("a part of a key must be a text, but it is ", show(part), "."));
        name += *part.as<std::string>();
        if (!cursor.peek_any(".[]:} \t")) fail_syntax(cursor);
      } else if (cursor.peek_any("}: \t")) {
        cursor.skip_spaces();
        if (part_starts) fail_syntax(cursor);
        if (cursor.accept('}')) return true;
        if (cursor.accept(':')) return false;
        fail_syntax(cursor);
      } else if (cursor.at_end() || cursor.peek_any("\\{()'\"")) {
        fail_syntax(cursor);
      } else {
        name += cursor.text[cursor.i++];
      }
    }
  }

  /// The arguments of a resolver, to behind the closing "}".
  Value::List parse_arguments(Cursor& cursor) {
    Value::List arguments;
    cursor.skip_spaces();
    if (cursor.accept('}')) return arguments;
    do arguments.push_back(parse_element(cursor));
    while (cursor.accept(','));
    if (!cursor.accept('}')) fail_syntax(cursor);
    return arguments;
  }

  Value parse_element(Cursor& cursor) {
    cursor.skip_spaces();
    Value out;
    if (cursor.accept('[')) {
      Value::List list;
      cursor.skip_spaces();
      if (!cursor.accept(']')) {
        do list.push_back(parse_element(cursor));
        while (cursor.accept(','));
        if (!cursor.accept(']')) fail_syntax(cursor);
      }
      out = std::move(list);
    } else if (cursor.accept('{')) {
      Value::Map map;
      cursor.skip_spaces();
      if (!cursor.accept('}')) {
        do {
          cursor.skip_spaces();
          std::string key;
          while (!cursor.at_end() && !cursor.peek_any(":,{}[]")) key += cursor.text[cursor.i++];
          if (!cursor.accept(':')) fail_syntax(cursor);
          map.emplace_back(key.substr(0, key.find_last_not_of(" \t") + 1), parse_element(cursor));
        } while (cursor.accept(','));
        if (!cursor.accept('}')) fail_syntax(cursor);
      }
      out = std::move(map);
    } else if (cursor.peek_any("'\"")) {
      out = parse_quoted(cursor);
    } else {
      return parse_primitive(cursor);
    }
    cursor.skip_spaces();
    return out;
  }

  Value parse_quoted(Cursor& cursor) {
    const char quote = cursor.text[cursor.i++];
    std::string inside;
    for (int depth = 0;; ++cursor.i) {
      if (cursor.at_end()) fail_syntax(cursor);
      if (cursor.starts("${")) ++depth;
      if (depth > 0 && cursor.peek() == '}') --depth;
      if (cursor.peek() == '\\' && cursor.i + 1 < cursor.text.size() && cursor.text[cursor.i + 1] == quote) {
        ++cursor.i;
      } else if (cursor.peek() == quote && depth == 0) {
        break;
      }
      inside += cursor.peek();
    }
    ++cursor.i;
    return resolve_text(inside, cursor.where);
  }

  /// An unquoted argument to the next ',', '}' or ']': a literal keeps its type, one interpolation keeps its value.
  Value parse_primitive(Cursor& cursor) {
    std::string out;
    size_t pieces = 0, kept = 0;
    Value last;
    while (!cursor.at_end() && !cursor.peek_any(",}]")) {
      if (cursor.starts("${")) {
        last = parse_interpolation(cursor);
        ++pieces;
        cursor.skip_spaces();
        if (pieces == 1 && out.empty() && (cursor.at_end() || cursor.peek_any(",}]"))) return last;
        out += python_text(last);
        kept = out.size();
      } else if (cursor.peek_any("[{'\"(")) {
        fail_syntax(cursor);
      } else {
        const bool escaped =
            cursor.peek() == '\\' && cursor.i + 1 < cursor.text.size() &&
            std::string_view("\\()[]{}:=, \t").find(cursor.text[cursor.i + 1]) != std::string_view::npos;
        if (escaped) ++cursor.i;
        const char c = cursor.text[cursor.i++];
        out += c;
        if (escaped || (c != ' ' && c != '\t')) kept = out.size();
        if (escaped) ++pieces;
      }
    }
    out.resize(kept);
    if (out.empty()) fail_syntax(cursor);
    return pieces == 0 ? parse_literal(out).value_or(Value(out)) : Value(out);
  }

  Value call(const std::string& name, const Value::List& arguments, const Path& where) {
    const auto expect = [&](size_t least, size_t most, const char* usage) {
      if (arguments.size() >= least && arguments.size() <= most) return;
      fail(where, text("${", name, ":...} got ", arguments.size(), " arguments. Write ", usage, "."));
    };
    if (name == "oc.env") {
      expect(1, 2, "${oc.env:NAME} or ${oc.env:NAME,default}");
      const std::string variable = python_text(arguments[0]);
      if (const char* value = std::getenv(variable.c_str())) return std::string(value);
      if (arguments.size() == 1) {
        fail(where, text("the environment variable '", variable, "' is not set. Set it, or write ${oc.env:", variable,
                         ",default}."));
      }
      return arguments[1].is_null() ? Value() : Value(python_text(arguments[1]));
    }
    if (name == "oc.decode") {
      expect(1, 1, "${oc.decode:${oc.env:NAME}}");
      if (arguments[0].is_null()) return {};
      const std::string word = python_text(arguments[0]);
      Cursor cursor{word, where};
      Value value = parse_element(cursor);
      if (!cursor.at_end()) fail_syntax(cursor);
      return value;
    }
    if (name == "now") {
      expect(1, 1, "${now:%Y-%m-%d}");
      std::tm local{};
      localtime_r(&now_, &local);
      char buffer[256];
      return std::string(buffer, std::strftime(buffer, sizeof buffer, python_text(arguments[0]).c_str(), &local));
    }
    fail(where, text("'", name, "' is not known. Known are oc.env, oc.decode and now."));
  }

  const Value& root_;
  const std::time_t now_ = std::time(nullptr);  // one moment for the whole config
  int depth_ = 0;
};

}  // namespace

Value resolve_interpolations(const Value& root) { return Resolver(root).resolve(root, {}); }

Value resolve_at(const Value& root, const std::vector<std::string>& path) { return Resolver(root).get(path, {}); }

}  // namespace dcmmm
