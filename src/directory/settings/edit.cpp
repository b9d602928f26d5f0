#include "directory/settings/edit.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "directory/settings/internal/check.hpp"
#include "directory/settings/internal/text_edit.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::settings {
namespace {

constexpr size_t largest_file = 1UL << 20U;

std::unexpected<Problems> refused(const std::string& file, std::string text) {
    return std::unexpected(Problems{{.file = file, .text = std::move(text)}});
}

// Only files of the directory itself, whatever a caller was told by a user.
bool is_ours(const std::string& file) {
    for (const std::string_view folder : {"etc/partners.d/", "etc/connectors.d/"}) {
        if (!file.starts_with(folder) || !file.ends_with(".toml")) continue;
        return is_object_name(
            std::string_view(file).substr(folder.size(), file.size() - folder.size() - 5));
    }
    return file == "etc/valija.toml";
}

std::expected<std::string, Problems> current_text(const std::string& home,
                                                  const std::string& file) {
    if (!is_ours(file)) return refused(file, "is not a name for a file of the directory");
    struct stat status{};
    const std::string path = home + "/" + file;
    if (lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::string();
    if (!S_ISREG(status.st_mode)) return refused(file, "is not a regular file");
    auto text = store::read_file(path, largest_file);
    if (!text) return refused(file, "cannot be read: " + text.error().cause);
    return std::move(*text);
}

std::expected<Directory, Problems> replace(const std::string& home, const std::string& file,
                                           const std::optional<std::string>& text) {
    auto directory = load(home, {{file, text}});
    if (!directory) return directory;
    const std::string path = home + "/" + file;
    Result<void> written;
    if (text) {
        written = store::make_directories(path.substr(0, path.rfind('/')));
        if (written) written = store::write_file(path, *text);
    } else {
        written = store::remove_file(path);
    }
    if (!written) return refused(file, written.error().text());
    return directory;
}

// One editor at a time, or the later one would undo the earlier.
Result<store::LockFile> lock(const std::string& home) {
    if (auto made = store::make_directories(home + "/etc"); !made) {
        return std::unexpected(made.error());
    }
    return store::LockFile::take(home + "/etc/.edit.lock");
}

// A comma separates, but not within an LDAP address, which is full of them.
std::vector<std::string> elements_of(std::string_view words) {
    std::vector<std::string> elements;
    for (const std::string_view part : split(words, ',')) {
        const std::string_view element = trim(part);
        const bool is_inside =
            !elements.empty() && elements.back().starts_with("ldap") && !element.contains("://");
        if (is_inside) {
            elements.back() += "," + std::string(part);
        } else if (!element.empty()) {
            elements.emplace_back(element);
        }
    }
    return elements;
}

std::string_view wanted(Kind kind) {
    switch (kind) {
        case Kind::Bool:
            return "true or false";
        case Kind::Number:
            return "a number";
        default:
            return "a text without control characters";
    }
}

}  // namespace

std::expected<std::string, Problems> changed_text(const std::string& home, const std::string& file,
                                                  const std::vector<Change>& changes) {
    auto text = current_text(home, file);
    if (!text) return text;
    for (const Change& change : changes) {
        auto next = apply_change(*text, change);
        if (!next) return refused(file, next.error().text());
        text = std::move(*next);
    }
    return text;
}

std::expected<Directory, Problems> change_file(const std::string& home, const std::string& file,
                                               const std::vector<Change>& changes) {
    const auto held = lock(home);
    if (!held) return refused(file, "another change is being made: " + held.error().text());
    auto text = changed_text(home, file, changes);
    if (!text) return std::unexpected(std::move(text.error()));
    return replace(home, file, *text);
}

std::expected<Directory, Problems> remove_file(const std::string& home, const std::string& file) {
    const auto held = lock(home);
    if (!held) return refused(file, "another change is being made: " + held.error().text());
    if (!is_ours(file)) return refused(file, "is not a name for a file of the directory");
    return replace(home, file, std::nullopt);
}

Result<std::string> toml_value(const SettingRow& row, std::string_view words) {
    const Type type = type_of(row);
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    const bool is_bare = type.kind == Kind::Bool || type.kind == Kind::Number;
    const bool is_good = type.kind == Kind::Bool     ? words == "true" || words == "false"
                         : type.kind == Kind::Number ? parse_size(words).has_value()
                                                     : std::ranges::none_of(words, is_control);
    if (!is_good || (type.kind == Kind::Number && !words.empty() && words.back() > '9')) {
        return fault(FaultKind::Input,
                     fmt::format("\"{}\" wants {}, not \"{}\"", row.key, wanted(type.kind),
                                 escape_peer_text(words, 100)));
    }
    if (is_bare) return std::string(words);
    if (type.kind != Kind::TextList && type.kind != Kind::SpanList) return toml_text(words);
    return toml_list(elements_of(words));
}

std::string toml_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (byte < 0x20 || byte == 0x7F) {
            quoted += fmt::format("\\u{:04X}", byte);
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string toml_list(const std::vector<std::string>& elements) {
    std::vector<std::string> texts;
    for (const std::string& element : elements) texts.push_back(toml_text(element));
    return "[" + join(texts, ", ") + "]";
}

}  // namespace valija::settings
