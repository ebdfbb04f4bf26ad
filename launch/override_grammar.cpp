#include "launch/override_grammar.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "common/errors.hpp"
#include "common/text.hpp"
#include "launch/scalar_text.hpp"

namespace dcmmm {
namespace {

enum class TokenKind {
  kOpen,
  kComma,
  kClose,
  kListOpen,
  kListClose,
  kMapOpen,
  kMapClose,
  kColon,
  kEqual,
  kFloat,
  kInteger,
  kBool,
  kNull,
  kCharacter,
  kName,
  kEscape,
  kSpace,
  kQuoted,
  kInterpolation
};

struct Token {
  TokenKind kind;
  std::string text;
  size_t start;
};

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_name_part(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; }

size_t match_spaces(std::string_view rest) {
  return std::find_if_not(rest.begin(), rest.end(), is_space) - rest.begin();
}

/// A mark such as `,` with the spaces that belong to it.
size_t match_mark(std::string_view rest, char mark, bool spaces_before, bool spaces_behind) {
  size_t i = spaces_before ? match_spaces(rest) : 0;
  if (i >= rest.size() || rest[i] != mark) return 0;
  ++i;
  return spaces_behind ? i + match_spaces(rest.substr(i)) : i;
}

size_t match_word(std::string_view rest, std::string_view word) {
  return equal_ignoring_case(rest.substr(0, word.size()), word) ? word.size() : 0;
}

size_t match_name(std::string_view rest) {
  if (rest.empty() || !is_name_start(rest[0])) return 0;
  return std::find_if_not(rest.begin(), rest.end(), is_name_part) - rest.begin();
}

size_t match_escapes(std::string_view rest) {
  size_t i = 0;
  while (i + 1 < rest.size() && rest[i] == '\\' && std::string_view("\\()[]{}:=, \t").find(rest[i + 1]) != rest.npos)
    i += 2;
  return i;
}

/// A quoted text up to the first matching quote behind an even number of backslashes.
size_t match_quoted(std::string_view rest) {
  if (rest[0] != '"' && rest[0] != '\'') return 0;
  size_t backslashes = 0;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == rest[0] && backslashes % 2 == 0) return i + 1;
    backslashes = rest[i] == '\\' ? backslashes + 1 : 0;
  }
  return 0;
}

size_t match_interpolation(std::string_view rest) {
  if (rest.substr(0, 2) != "${") return 0;
  const size_t end = rest.find('}');
  return end == rest.npos || end == 2 ? 0 : end + 1;
}

class OverrideParser {
 public:
  explicit OverrideParser(const std::string& word) : word_(word) {}

  Override parse() {
    Override out;
    out.word = word_;
    size_t start = 0;
    if (word_.rfind("++", 0) == 0)
      out.kind = Override::Kind::kForceAdd, start = 2;
    else if (word_.rfind('+', 0) == 0)
      out.kind = Override::Kind::kAdd, start = 1;
    else if (word_.rfind('~', 0) == 0)
      out.kind = Override::Kind::kDelete, start = 1;
    const size_t equal = word_.find('=');
    if (equal == word_.npos && out.kind != Override::Kind::kDelete) {
      fail("there is no '='. Write it as key=value, or ~key to delete a key");
    }
    parse_key(word_.substr(start, equal == word_.npos ? equal : equal - start), out);
    if (equal != word_.npos) {
      split_tokens(equal + 1 + match_spaces(std::string_view(word_).substr(equal + 1)));
      out.value = tokens_.empty() ? Value(std::string()) : parse_value();
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw UserError(text("Error parsing override '", word_, "': ", problem, "."));
  }

  void parse_key(const std::string& key, Override& out) const {
    const size_t at = key.find('@');
    out.key = key.substr(0, at);
    if (at != key.npos) out.package = key.substr(at + 1);
    const bool is_group = out.key.find('/') != out.key.npos;
    if (!(is_group ? is_group_path(out.key) : is_dotted_path(out.key)) || out.key.empty() ||
        (out.package && !out.package->empty() && !is_dotted_path(*out.package))) {
      fail("'" + key + "' is not a key. A key is letters, digits, '_' and '-', with dots between the levels");
    }
  }

  static bool all_parts(const std::string& path, char separator, bool (*is_part)(const std::string&)) {
    size_t start = 0;
    while (true) {
      const size_t end = path.find(separator, start);
      if (!is_part(path.substr(start, end - start))) return false;
      if (end == path.npos) return true;
      start = end + 1;
    }
  }

  static bool is_group_path(const std::string& path) {
    return all_parts(path, '/',
                     [](const std::string& part) { return !part.empty() && match_name(part) == part.size(); });
  }

  static bool is_dotted_path(const std::string& path) {
    const auto is_name = [](const std::string& part) {
      std::string plain = part;
      std::replace(plain.begin(), plain.end(), '$', '_');
      return !part.empty() && match_name(plain) == plain.size();
    };
    if (path.find('.') == path.npos) return is_name(path);
    return all_parts(path, '.', [](const std::string& part) {
      std::string plain = part;
      std::replace(plain.begin(), plain.end(), '$', '_');
      return !part.empty() && (match_name(plain) == part.size() || (std::isdigit(static_cast<unsigned char>(part[0])) &&
                                                                    match_integer(part) == part.size()));
    });
  }

  /// Splits the value into tokens: the longest match wins, then the earlier kind.
  void split_tokens(size_t start) {
    while (start < word_.size()) {
      const std::string_view rest = std::string_view(word_).substr(start);
      const std::pair<TokenKind, size_t> candidates[] = {
          {TokenKind::kOpen, match_mark(rest, '(', true, true)},
          {TokenKind::kComma, match_mark(rest, ',', true, true)},
          {TokenKind::kClose, match_mark(rest, ')', true, false)},
          {TokenKind::kListOpen, match_mark(rest, '[', false, true)},
          {TokenKind::kListClose, match_mark(rest, ']', true, false)},
          {TokenKind::kMapOpen, match_mark(rest, '{', false, true)},
          {TokenKind::kMapClose, match_mark(rest, '}', true, false)},
          {TokenKind::kColon, match_mark(rest, ':', true, true)},
          {TokenKind::kEqual, match_mark(rest, '=', true, true)},
          {TokenKind::kFloat, match_float(rest)},
          {TokenKind::kInteger, match_integer(rest)},
          {TokenKind::kBool, std::max(match_word(rest, "true"), match_word(rest, "false"))},
          {TokenKind::kNull, match_word(rest, "null")},
          {TokenKind::kCharacter, std::string_view("/-\\+.$%*@?|").find(rest[0]) != rest.npos ? size_t{1} : size_t{0}},
          {TokenKind::kName, match_name(rest)},
          {TokenKind::kEscape, match_escapes(rest)},
          {TokenKind::kSpace, match_spaces(rest)},
          {TokenKind::kQuoted, match_quoted(rest)},
          {TokenKind::kInterpolation, match_interpolation(rest)}};
      const auto* best = std::max_element(std::begin(candidates), std::end(candidates),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
      if (best->second == 0) {
        size_t length = 1;  // of the character in UTF-8
        while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80) ++length;
        fail(text("the character ", rest.substr(0, length), " at position ", start + 1,
                  " is only allowed in quotes: in a shell, key='\"a value\"'"));
      }
      tokens_.push_back({best->first, std::string(rest.substr(0, best->second)), start});
      start += best->second;
    }
  }

  bool is_next(TokenKind kind) const { return next_ < tokens_.size() && tokens_[next_].kind == kind; }

  bool accept(TokenKind kind) {
    if (!is_next(kind)) return false;
    ++next_;
    return true;
  }

  void expect(TokenKind kind, const std::string& mark) {
    if (accept(kind)) return;
    if (next_ >= tokens_.size()) fail("the value ends where '" + mark + "' is expected");
    fail(text("found '", tokens_[next_].text, "' at position ", tokens_[next_].start + 1, " where '", mark,
              "' is expected"));
  }

  Value parse_value() {
    Value value = parse_element();
    if (is_next(TokenKind::kComma)) {
      throw UserError(text("Ambiguous value for argument '", word_,
                           "'.\n1. To use it as a list, use key=[value1,value2]\n",
                           "2. To use it as a text, quote the value: key=\\'value1,value2\\'\n",
                           "3. To try each value in turn: dcmmm sweep -m key=value1,value2"));
    }
    if (next_ < tokens_.size()) {
      fail(text("unexpected '", tokens_[next_].text, "' at position ", tokens_[next_].start + 1,
                ". A text with this character needs quotes: in a shell, key='\"a value\"'"));
    }
    return value;
  }

  Value parse_element() {
    if (accept(TokenKind::kListOpen)) {
      Value::List list;
      if (accept(TokenKind::kListClose)) return list;
      do list.push_back(parse_element());
      while (accept(TokenKind::kComma));
      expect(TokenKind::kListClose, "]");
      return list;
    }
    if (accept(TokenKind::kMapOpen)) {
      Value map = Value::Map();
      if (accept(TokenKind::kMapClose)) return map;
      do {
        const std::string key = parse_key_of_map();
        expect(TokenKind::kColon, ":");
        if (Value* existing = map.child(key))
          *existing = parse_element();
        else
          map.as<Value::Map>()->emplace_back(key, parse_element());
      } while (accept(TokenKind::kComma));
      expect(TokenKind::kMapClose, "}");
      return map;
    }
    if (is_next(TokenKind::kQuoted)) return unquoted(tokens_[next_++].text);
    return parse_primitive();
  }

  std::string parse_key_of_map() {
    const size_t first = next_;
    const Value key = parse_primitive(false);
    const auto* string = key.as<std::string>();
    return string != nullptr ? *string : tokens_[tokens_[first].kind == TokenKind::kSpace ? first + 1 : first].text;
  }

  /// Neighbouring tokens as one text, without the spaces around; a single one keeps its type.
  Value parse_primitive(bool colon_allowed = true) {
    const size_t first = next_;
    const auto belongs = [&](TokenKind kind) {
      return (kind >= TokenKind::kFloat && kind != TokenKind::kQuoted &&
              (colon_allowed || kind != TokenKind::kInterpolation)) ||
             (kind == TokenKind::kColon && colon_allowed);
    };
    while (next_ < tokens_.size() && belongs(tokens_[next_].kind)) ++next_;
    if (next_ == first) {
      if (next_ >= tokens_.size()) fail("the value ends too early");
      fail(text("unexpected '", tokens_[next_].text, "' at position ", tokens_[next_].start + 1));
    }
    if (is_next(TokenKind::kOpen)) {
      fail("functions such as choice(a,b) and range(1,3) are not supported here. Quote the value if it is a text");
    }
    size_t begin = first, end = next_;
    if (tokens_[begin].kind == TokenKind::kSpace && end - begin == 1) fail("a value can't be all spaces. Quote it");
    if (tokens_[begin].kind == TokenKind::kSpace) ++begin;
    if (end > begin && tokens_[end - 1].kind == TokenKind::kSpace) --end;
    if (end - begin == 1 && tokens_[begin].kind != TokenKind::kEscape) {
      return parse_literal(tokens_[begin].text).value_or(Value(tokens_[begin].text));
    }
    std::string joined;
    for (size_t i = begin; i < end; ++i) {
      const Token& token = tokens_[i];
      if (token.kind != TokenKind::kEscape)
        joined += token.text;
      else
        for (size_t c = 1; c < token.text.size(); c += 2) joined += token.text[c];
    }
    return joined;
  }

  /// The content of a quoted text: backslashes before a quote (also the closing one) are halved, others stay.
  static Value unquoted(const std::string& quoted) {
    std::string out;
    size_t backslashes = 0;
    for (size_t i = 1; i < quoted.size(); ++i) {
      if (quoted[i] == '\\') {
        ++backslashes;
        continue;
      }
      out.append(quoted[i] == quoted[0] ? backslashes / 2 : backslashes, '\\');
      backslashes = 0;
      if (i + 1 < quoted.size()) out += quoted[i];
    }
    return out;
  }

  const std::string& word_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

}  // namespace

Override parse_override(const std::string& word) { return OverrideParser(word).parse(); }

}  // namespace dcmmm
