#include "trust/keystore/internal/custody_wire.hpp"

namespace valija::keystore::internal {
namespace {

constexpr size_t kMostTexts = 4000;

class Writer {
  public:
    void byte(auto value) { out_ += static_cast<char>(value); }

    void text(std::string_view value) {
        number(value.size());
        out_ += value;
    }

    void texts(const std::vector<std::string>& values) {
        number(values.size());
        for (const std::string& value : values) text(value);
    }

    std::string take() { return std::move(out_); }

  private:
    void number(size_t value) {
        for (const unsigned shift : {24U, 16U, 8U, 0U}) out_ += static_cast<char>(value >> shift);
    }

    std::string out_;
};

// After anything is wrong, all that follows is empty and is_whole() is false.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    // One of an enumeration's values, from `first` to `last`.
    template <class Enum>
    Enum one_of(Enum first, Enum last) {
        const std::string_view got = take(1);
        const auto value = got.empty() ? 0xFFU : static_cast<unsigned char>(got.front());
        if (value < static_cast<unsigned>(first) || value > static_cast<unsigned>(last)) {
            is_good_ = false;
            return first;
        }
        return static_cast<Enum>(value);
    }

    std::string text() { return std::string(take(number())); }

    std::vector<std::string> texts() {
        const size_t count = number();
        std::vector<std::string> all;
        if (count > kMostTexts) is_good_ = false;
        while (is_good_ && all.size() < count) all.push_back(text());
        return all;
    }

    bool is_whole() const { return is_good_ && left_.empty(); }

  private:
    std::string_view take(size_t count) {
        if (!is_good_ || count > left_.size()) {
            is_good_ = false;
            return {};
        }
        const std::string_view taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }

    size_t number() {
        size_t value = 0;
        for (const char c : take(4)) value = value << 8U | static_cast<unsigned char>(c);
        return value;
    }

    std::string_view left_;
    bool is_good_ = true;
};

enum class Outcome : uint8_t { Done, Failed };

}  // namespace

size_t size_of(Hash hash) { return hash == Hash::Sha256 ? 32 : hash == Hash::Sha384 ? 48 : 64; }

std::string encode(const Ask& ask) {
    Writer out;
    out.byte(ask.call);
    out.byte(ask.padding);
    out.byte(ask.hash);
    out.byte(ask.type);
    out.byte(ask.may);
    for (const std::string* text :
         {&ask.name, &ask.id, &ask.bytes, &ask.password, &ask.friendly_name}) {
        out.text(*text);
    }
    out.texts(ask.chain);
    return out.take();
}

std::optional<Ask> decode_ask(std::string_view bytes) {
    Reader in(bytes);
    Ask ask;
    ask.call = in.one_of(Call::Sign, Call::Attach);
    ask.padding = in.one_of(Padding::None, Padding::Pss);
    ask.hash = in.one_of(Hash::Sha256, Hash::Sha512);
    ask.type = in.one_of(KeyType::P256, KeyType::Rsa4096);
    ask.may = in.one_of(Export::Never, Export::Allowed);
    for (std::string* text : {&ask.name, &ask.id, &ask.bytes, &ask.password, &ask.friendly_name}) {
        *text = in.text();
    }
    ask.chain = in.texts();
    return in.is_whole() ? std::optional(std::move(ask)) : std::nullopt;
}

std::string encode(const Answer& answer) {
    Writer out;
    out.byte(answer.fault ? Outcome::Failed : Outcome::Done);
    const Fault fault = answer.fault.value_or(Fault{});
    out.byte(fault.kind);
    out.text(fault.doing);
    out.text(fault.cause);
    out.byte(answer.may);
    out.text(answer.bytes);
    out.text(answer.format);
    out.texts(answer.texts);
    out.texts(answer.chain);
    return out.take();
}

std::optional<Answer> decode_answer(std::string_view bytes) {
    Reader in(bytes);
    Answer answer;
    const auto outcome = in.one_of(Outcome::Done, Outcome::Failed);
    Fault fault;
    fault.kind = in.one_of(FaultKind::Input, FaultKind::Stopped);
    fault.doing = in.text();
    fault.cause = in.text();
    if (outcome == Outcome::Failed) answer.fault = std::move(fault);
    answer.may = in.one_of(Export::Never, Export::Allowed);
    answer.bytes = in.text();
    answer.format = in.text();
    answer.texts = in.texts();
    answer.chain = in.texts();
    return in.is_whole() ? std::optional(std::move(answer)) : std::nullopt;
}

}  // namespace valija::keystore::internal
