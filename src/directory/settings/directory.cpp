#include "directory/settings/directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

#include "directory/settings/edit.hpp"
#include "directory/settings/internal/check.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::settings {
namespace {

constexpr size_t largest_file = 1UL << 20U;
constexpr size_t most_files = 10'000;
const std::string server_file = "etc/valija.toml";

std::string name_of(const std::string& file) {
    const size_t slash = file.rfind('/');
    std::string name = file.substr(slash == std::string::npos ? 0 : slash + 1);
    if (name.ends_with(".toml")) name.resize(name.size() - 5);
    return name;
}

void lower_all(std::vector<std::string>& names) {
    for (std::string& name : names) name = lower(name);
}

// Domain names are compared as they stand, so they are made lower case once, here.
void lower_names(Server& server) { lower_all(server.accepted_domains); }

void lower_names(Receive& connector) { connector.fqdn = lower(connector.fqdn); }

void lower_names(Send& connector) {
    connector.fqdn = lower(connector.fqdn);
    lower_all(connector.address_spaces);
}

void lower_names(Partner& partner) {
    lower_all(partner.domains);
    lower_all(partner.routes);
    lower_all(partner.mx_known);
    lower_all(partner.names);
}

class Loader {
  public:
    Loader(const std::string& home, const Overlay& overlay) : home_(home), overlay_(overlay) {}

    std::expected<Directory, Problems> load() {
        read_server();
        for (const std::string& file : files_of("etc/connectors.d")) read_connector(file);
        for (const std::string& file : files_of("etc/partners.d")) read_partner(file);
        complete();
        if (problems_.empty()) check_together(directory_, problems_);
        if (!problems_.empty()) return std::unexpected(std::move(problems_));
        return std::move(directory_);
    }

  private:
    void add(const std::string& file, std::string text) {
        problems_.push_back({.file = file, .text = std::move(text)});
    }

    std::string missing_text(const std::string& file) const {
        return file != "etc/valija.toml"
                   ? std::string("the file is missing")
                   : fmt::format("the file is missing in {}; `valija setup` makes one", home_);
    }

    // A link could lead out of the directory that the operator backs up and guards.
    bool is_regular(const std::string& file) {
        struct stat status{};
        const std::string path = home_ + "/" + file;
        if (lstat(path.c_str(), &status) != 0) {
            const int error = errno;
            add(file, error == ENOENT
                          ? missing_text(file)
                          : "cannot be read: " + std::generic_category().message(error));
            return false;
        }
        if (S_ISLNK(status.st_mode))
            add(file, "is a symbolic link; put the file itself here");
        else if (!S_ISREG(status.st_mode))
            add(file, "is not a file");
        else if (status.st_size > static_cast<off_t>(largest_file))
            add(file, "is larger than 1 MiB");
        else
            return true;
        return false;
    }

    std::optional<std::string> text_of(const std::string& file) {
        if (const auto found = overlay_.find(file); found != overlay_.end()) {
            if (!found->second) add(file, "the file is missing");
            return found->second;
        }
        if (!is_regular(file)) return std::nullopt;
        auto text = store::read_file(home_ + "/" + file, largest_file);
        if (!text) {
            add(file, "cannot be read: " + text.error().cause);
            return std::nullopt;
        }
        return std::move(*text);
    }

    std::optional<Document> document_of(const std::string& file) {
        const auto text = text_of(file);
        if (!text) return std::nullopt;
        Parsed parsed = parse_document(*text);
        if (!parsed.error) return std::move(parsed.document);
        problems_.push_back({.file = file,
                             .line = parsed.error->at.line,
                             .column = parsed.error->at.column,
                             .text = "is not well-formed TOML: " + parsed.error->text});
        return std::nullopt;
    }

    std::set<std::string> files_of(const std::string& folder) {
        std::set<std::string> files;
        struct stat status{};
        if (stat((home_ + "/" + folder).c_str(), &status) == 0) {
            const auto names = store::list_files(home_ + "/" + folder, ".toml");
            if (!names) add(folder, "cannot be read: " + names.error().cause);
            for (const std::string& name : names ? *names : std::vector<std::string>()) {
                files.insert(folder + "/" + name);
            }
        } else if (errno != ENOENT) {
            add(folder, "cannot be read: " + std::generic_category().message(errno));
        }
        for (const auto& [file, text] : overlay_) {
            if (!file.starts_with(folder + "/")) continue;
            if (text)
                files.insert(file);
            else
                files.erase(file);
        }
        if (files.size() > most_files) {
            add(folder, fmt::format("holds more than {} files", most_files));
            files.clear();
        }
        return files;
    }

    bool has_good_name(const std::string& file) {
        if (is_object_name(name_of(file))) return true;
        add(escape_peer_text(file, 300),
            "a file name has letters, digits, dash, dot and underscore, begins with a letter or "
            "digit, and has at most 64 of them before .toml");
        return false;
    }

    void read_server() {
        const auto document = document_of(server_file);
        if (!document) return;
        const size_t before = problems_.size();
        read_object(*document, server_file, {}, directory_.server, problems_);
        lower_names(directory_.server);
        if (problems_.size() == before) check(directory_.server, problems_);
    }

    template <class Object>
    void read_into(std::vector<Object>& objects, const std::string& file, const Document& document,
                   const std::vector<std::string>& extra) {
        Object object;
        object.name = name_of(file);
        const size_t before = problems_.size();
        read_object(document, file, extra, object, problems_);
        lower_names(object);
        if (problems_.size() == before) check(object, problems_);
        objects.push_back(std::move(object));
    }

    void read_connector(const std::string& file) {
        const auto document = has_good_name(file) ? document_of(file) : std::nullopt;
        if (!document) return;
        const auto kind = std::ranges::find(document->entries, std::string("kind"), &Entry::key);
        const Scalar value = kind == document->entries.end() ? Scalar() : kind->value;
        if (value == Scalar(std::string("receive"))) {
            read_into(directory_.receive, file, *document, {"kind"});
        } else if (value == Scalar(std::string("send"))) {
            read_into(directory_.send, file, *document, {"kind"});
        } else {
            const Place at = kind == document->entries.end() ? Place() : kind->begin;
            problems_.push_back(
                {.file = file,
                 .line = at.line,
                 .column = at.column,
                 .text = "a connector needs kind = \"receive\" or kind = \"send\""});
        }
    }

    void read_partner(const std::string& file) {
        const auto document = has_good_name(file) ? document_of(file) : std::nullopt;
        if (!document) return;
        read_into(directory_.partners, file, *document, {});
    }

    // What is made from something else when it is not written.
    void complete() {
        Server& server = directory_.server;
        if (directory_.receive.empty()) {
            directory_.receive.emplace_back().name = "Inet";
        }
        if (directory_.send.empty()) directory_.send.emplace_back().name = "Internet";
        apply_preset(server, "Server", server.preset);
        for (Receive& connector : directory_.receive) {
            apply_preset(connector, "Receive", server.preset);
            if (connector.fqdn.empty()) connector.fqdn = server.hostname;
        }
        for (Send& connector : directory_.send) {
            if (connector.fqdn.empty()) connector.fqdn = server.hostname;
        }
        if (server.postmaster.empty()) {
            server.postmaster =
                "postmaster@" + (server.accepted_domains.empty() ? server.hostname
                                                                 : server.accepted_domains.front());
        }
    }

    std::string home_;
    const Overlay& overlay_;
    Directory directory_;
    Problems problems_;
};

// How well an address space fits: more labels are better, "*" least; nullopt: not at all.
std::optional<size_t> fit(std::string_view space, std::string_view domain) {
    if (space == "*") return 0;
    if (space == domain) return domain.size() + 2;
    if (!space.starts_with("*.")) return std::nullopt;
    const std::string_view parent = space.substr(2);
    if (domain == parent || domain.ends_with(space.substr(1))) return parent.size() + 1;
    return std::nullopt;
}

}  // namespace

std::string Problem::where() const {
    if (line == 0) return fmt::format("{}: {}", file, text);
    return fmt::format("{}:{}:{}: {}", file, line, column, text);
}

bool Directory::accepts(std::string_view domain) const {
    return std::ranges::any_of(server.accepted_domains, [&](const std::string& ours) {
        return equal_ignoring_case(ours, domain);
    });
}

std::vector<std::string> Directory::own_names() const {
    std::vector<std::string> names{lower(server.hostname)};
    for (const Receive& connector : receive) {
        if (std::ranges::find(names, lower(connector.fqdn)) == names.end()) {
            names.push_back(lower(connector.fqdn));
        }
    }
    return names;
}

const Partner* Directory::partner_of(std::string_view domain) const {
    for (const Partner& row : partners) {
        for (const std::string& theirs : row.domains) {
            if (equal_ignoring_case(theirs, domain)) return &row;
        }
    }
    return nullptr;
}

const Partner* Directory::partner(std::string_view name) const {
    const auto found = std::ranges::find(partners, name, &Partner::name);
    return found == partners.end() ? nullptr : &*found;
}

const Send& Directory::connector_for(std::string_view domain) const {
    VALIJA_ENSURE(!send.empty(), "a directory has a send connector");
    const std::string wanted = lower(domain);
    const Send* best = nullptr;
    size_t best_fit = 0;
    for (const Send& connector : send) {
        for (const std::string& space : connector.address_spaces) {
            const auto now = fit(space, wanted);
            if (!now) continue;
            const bool is_better = best == nullptr || *now > best_fit ||
                                   (*now == best_fit && connector.name < best->name);
            if (is_better) {
                best = &connector;
                best_fit = *now;
            }
        }
    }
    return best == nullptr ? send.front() : *best;
}

std::expected<Directory, Problems> load(const std::string& home, const Overlay& overlay) {
    return Loader(home, overlay).load();
}

}  // namespace valija::settings
