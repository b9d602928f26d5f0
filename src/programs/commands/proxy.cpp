// The proxy for what is fetched (EX-36 to EX-40): proxycfg's three forms, as three verbs.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "control/service/table.hpp"
#include "platform/base/text.hpp"
#include "programs/commands/commands.hpp"

namespace json = boost::json;

namespace valija::programs {
namespace {

constexpr const char* kFile = "etc/valija.toml";
constexpr const char* kDefaultPort = ":80";  // as proxycfg has it

// "proxy", "proxy:8080" and "http://proxy:8080/" as proxycfg takes them, in the setting's form.
std::string setting_of(std::string url) {
    if (!starts_with_ignoring_case(url, "http://")) {
        url = "http://" + url;
    }
    if (url.ends_with('/')) {
        url.pop_back();
    }
    const size_t host = url.find("://") + 3;
    const size_t after = url.find(']', host);  // of an IPv6 address
    const bool has_port =
        url.find(':', after == std::string::npos ? host : after) != std::string::npos;
    return has_port ? url : url + kDefaultPort;
}

// Words, and proxycfg's lists: parted by semicolons or blanks.
std::vector<std::string> bypass_of(const std::vector<std::string>& words) {
    std::string all = join(words, ";");
    std::ranges::replace(all, ' ', ';');
    std::vector<std::string> elements;
    for (const std::string_view element : split(all, ';')) {
        if (!element.empty()) {
            elements.emplace_back(element);
        }
    }
    return elements;
}

int run_set(const Invocation& invocation) {
    return change_partner(
        invocation, kFile,
        {{.key = "proxy.url", .toml_value = settings::toml_text(setting_of(invocation.one("URL")))},
         {.key = "proxy.bypass",
          .toml_value = settings::toml_list(bypass_of(invocation.all("BYPASS")))}});
}

int run_clear(const Invocation& invocation) {
    return change_partner(invocation, kFile,
                          {{.key = "proxy.url", .toml_value = std::nullopt},
                           {.key = "proxy.bypass", .toml_value = std::nullopt}});
}

int run_show(const Invocation& invocation) {
    const auto directory = settings::load(invocation.home);
    if (!directory) {
        return refuse(directory.error());
    }
    const settings::Server& server = directory->server;
    if (invocation.json) {
        json::object shown;
        shown["url"] = server.proxy_url;
        shown["bypass"] = json::value_from(server.proxy_bypass);
        fmt::print("{}\n", json::serialize(shown));
    } else if (server.proxy_url.empty()) {
        fmt::print("No proxy: lists are fetched directly.\n");
    } else {
        fmt::print("proxy   {}\nbypass  {}\nLDAP goes directly.\n", server.proxy_url,
                   server.proxy_bypass.empty() ? "(none)" : join(server.proxy_bypass, ", "));
    }
    return status::yes;
}

Command set_command() {
    return {.group = "Certificates",
            .noun = "proxy",
            .verb = "set",
            .arguments = {{.name = "URL", .help = "the proxy: host:port or http://host:port"},
                          {.name = "BYPASS",
                           .help = "reached without it: <local>, host names, *.example.com, "
                                   "addresses, ranges",
                           .need = Need::Optional,
                           .times = Times::Many}},
            .summary = "fetch revocation lists through a proxy",
            .description =
                "One proxy for HTTP and HTTPS; LDAP goes directly. Names in BYPASS are reached\n"
                "without it; <local> stands for every host name without a dot. The former list\n"
                "is replaced. A running server uses it from the next fetch on, without restart.\n"
                "This is proxycfg -p; the environment (http_proxy) does not count.",
            .examples = {"valija proxy set proxy.contoso.example:8080 '<local>'",
                         "valija proxy set http://192.0.2.8:3128 '<local>' '*.contoso.example'"},
            .handler = run_set,
            .runs = Runs::Both};
}

}  // namespace

std::vector<Command> proxy_commands() {
    return {
        set_command(),
        {.group = "Certificates",
         .noun = "proxy",
         .verb = "show",
         .summary = "show the proxy and who is reached without it",
         .description = "Worth a look also where no proxy is meant to be: a stale one keeps\n"
                        "revocation lists away. This is proxycfg without arguments.",
         .examples = {"valija proxy show", "valija proxy show --json"},
         .handler = run_show,
         .json = Json::Yes},
        {.group = "Certificates",
         .noun = "proxy",
         .verb = "clear",
         .summary = "fetch directly, without a proxy",
         .description = "A running server does so from the next fetch on. This is proxycfg -d.",
         .examples = {"valija proxy clear"},
         .handler = run_clear,
         .runs = Runs::Both},
    };
}

}  // namespace valija::programs
