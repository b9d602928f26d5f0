#include "protocol/mail/tokens.hpp"

#include "platform/base/text.hpp"

namespace valija::mail {
namespace {

constexpr int kDeepestComment = 50;

enum class Kind { Atom, Quoted, Literal, Special, End, Broken };

struct Token {
    Kind kind = Kind::End;
    std::string text;  // unquoted; for Special one character
};

bool is_special(char c) {
    return std::string_view("<>,;:@\\\"[]()").find(c) != std::string_view::npos;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Tokens {
  public:
    explicit Tokens(std::string_view value) : rest_(value) {}

    Token next() {
        if (!skip_blanks()) {
            return {Kind::Broken, {}};
        }
        if (rest_.empty()) {
            return {};
        }
        const char c = rest_.front();
        if (c == '"') {
            return enclosed('"', Kind::Quoted);
        }
        if (c == '[') {
            return enclosed(']', Kind::Literal);
        }
        if (is_special(c)) {
            rest_.remove_prefix(1);
            return {Kind::Special, std::string(1, c)};
        }
        return atom();
    }

  private:
    // Blanks, folds and comments. False: a comment without end, or too deep.
    bool skip_blanks() {
        while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == '(')) {
            if (rest_.front() != '(') {
                rest_.remove_prefix(1);
            } else if (!skip_comment()) {
                return false;
            }
        }
        return true;
    }

    bool skip_comment() {
        int depth = 0;
        for (size_t i = 0; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == '\\') {
                ++i;
            } else if (c == '(') {
                if (++depth > kDeepestComment) {
                    return false;
                }
            } else if (c == ')' && --depth == 0) {
                rest_.remove_prefix(i + 1);
                return true;
            }
        }
        return false;
    }

    Token enclosed(char end, Kind kind) {
        Token token{kind, {}};
        for (size_t i = 1; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == end) {
                rest_.remove_prefix(i + 1);
                return token;
            }
            if (c == '\\' && i + 1 < rest_.size()) {
                token.text += rest_[++i];
            } else if (c != '\r' && c != '\n') {
                token.text += c;
            }
        }
        return {Kind::Broken, {}};
    }

    Token atom() {
        size_t length = 0;
        while (length < rest_.size() && !is_blank(rest_[length]) && !is_special(rest_[length])) {
            ++length;
        }
        Token token{Kind::Atom, std::string(rest_.substr(0, length))};
        rest_.remove_prefix(length);
        return token;
    }

    std::string_view rest_;
};

// addr-spec, mailbox and group lists, read with one token of look-ahead.
class AddressList {
  public:
    explicit AddressList(std::string_view value) : tokens_(value) { advance(); }

    std::optional<std::vector<std::string>> read() {
        while (token_.kind != Kind::End) {
            if (is(',') || is(';')) {
                advance();
            } else if (!read_one()) {
                return std::nullopt;
            }
        }
        return std::move(domains_);
    }

  private:
    void advance() { token_ = tokens_.next(); }

    bool is(char c) const { return token_.kind == Kind::Special && token_.text.front() == c; }

    bool is_word() const { return token_.kind == Kind::Atom || token_.kind == Kind::Quoted; }

    void skip_words() {
        while (is_word()) {
            advance();
        }
    }

    // A phrase, then <route:local@domain>, or local@domain, or a group's "name:".
    bool read_one() {
        const bool any = is_word();
        skip_words();
        if (is('<')) {
            advance();
            return read_angle();
        }
        if (any && is(':')) {
            advance();
            return true;
        }
        return any && read_domain();
    }

    bool read_angle() {
        if (is('@')) {  // an obsolete route: everything up to its colon
            while (token_.kind != Kind::End && token_.kind != Kind::Broken && !is(':')) {
                advance();
            }
            advance();
        }
        const bool any = is_word();
        skip_words();
        if (!any || !read_domain() || !is('>')) {
            return false;
        }
        advance();
        return token_.kind == Kind::End || is(',') || is(';');
    }

    bool read_domain() {
        if (!is('@')) {
            return false;
        }
        advance();
        std::string domain;
        if (token_.kind == Kind::Literal) {
            domain = "[" + token_.text + "]";
            advance();
        }
        while (token_.kind == Kind::Atom) {
            domain += token_.text;
            advance();
        }
        if (domain.ends_with('.')) {
            domain.pop_back();  // the root, as DNS writes it: the same domain
        }
        if (domain.empty()) {
            return false;
        }
        domains_.push_back(lower(domain));
        return true;
    }

    Tokens tokens_;
    Token token_;
    std::vector<std::string> domains_;
};

}  // namespace

std::string first_token(std::string_view value) {
    Token token = Tokens(value).next();
    return token.kind == Kind::Atom || token.kind == Kind::Quoted ? std::move(token.text)
                                                                  : std::string();
}

std::optional<std::vector<std::string>> address_domains(std::string_view value) {
    return AddressList(value).read();
}

}  // namespace valija::mail
