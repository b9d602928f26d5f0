#include "programs/lab/services.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "platform/store/file.hpp"

namespace valija::lab {
namespace {

constexpr Duration kStartDeadline = std::chrono::seconds(30);
constexpr Duration kToolDeadline = std::chrono::seconds(20);

struct Needed {
    const char* program;
    const char* package;
};

constexpr std::array kNeeded{Needed{"nsd", "nsd"},
                             Needed{"ldns-signzone", "ldnsutils"},
                             Needed{"dovecot", "dovecot-core, dovecot-imapd and dovecot-lmtpd"},
                             Needed{"swaks", "swaks, with libnet-ssleay-perl"},
                             Needed{"/usr/bin/python3", "python3"},
                             Needed{"curl", "curl"},
                             Needed{"/usr/lib/dovecot/lmtp", "dovecot-lmtpd"},
                             Needed{"/usr/lib/dovecot/imap", "dovecot-imapd"}};

// Waits until every place answers; a program that ends before is reported with what it said.
Result<Child> when_listening(Result<Child> child, const std::vector<Place>& places) {
    if (!child) return child;
    size_t next = 0;
    const auto waited = wait_until("waiting for " + child->name(), kStartDeadline, [&] {
        while (next < places.size() && is_listening(places[next].address, places[next].port)) {
            ++next;
        }
        return next == places.size() || !child->is_running();
    });
    if (waited && child->is_running()) return child;
    return fault(waited ? FaultKind::System : waited.error().kind, "starting " + child->name(),
                 (waited ? "it ended at once" : waited.error().text()) + "\n" +
                     last_lines(child->output(), 8));
}

Result<void> write_all(const std::string& directory,
                       const std::vector<std::pair<std::string, std::string>>& files) {
    if (auto made = store::make_directories(directory, 0700); !made) return made;
    for (const auto& [name, content] : files) {
        if (auto written = store::write_file(directory + "/" + name, content, 0600); !written) {
            return written;
        }
    }
    return {};
}

std::string zone_text(const Zone& zone, const std::string& address) {
    return fmt::format(
        "$ORIGIN {0}.\n$TTL 5\n@ SOA ns.{0}. postmaster.{0}. ( {3} 3600 600 86400 5 )\n"
        "@ NS ns.{0}.\nns A {1}\n{2}",
        zone.domain, address, zone.records, zone.serial);
}

std::string zone_file(const std::string& directory, const std::string& domain) {
    return directory + "/" + domain + ".zone";
}

std::string zone_key(const std::string& directory, const std::string& domain) {
    return directory + "/" + domain + ".zsk";  // with .key and .private
}

Result<std::string> run_tool(const std::vector<std::string>& words) {
    const auto done = run(words, kToolDeadline);
    if (!done) return std::unexpected(done.error());
    if (done->exit_status != 0) {
        return fault(FaultKind::System, "running " + words.front(), done->out + done->err);
    }
    return done->out;
}

// A key of the zone's own (P-256, DNSSEC algorithm 13), made at the first signature.
Result<void> make_zone_key(const std::string& directory, const std::string& domain) {
    const std::string base = zone_key(directory, domain);
    if (access((base + ".private").c_str(), F_OK) == 0) return {};
    const auto made = run_tool({"env", "-C", directory, "ldns-keygen", "-a", "13", "-k", domain});
    if (!made) return std::unexpected(made.error());
    const std::string name = made->substr(0, made->find('\n'));
    for (const char* part : {".key", ".private"}) {
        if (rename((directory + "/" + name + part).c_str(), (base + part).c_str()) != 0) {
            return system_fault("naming the key of " + domain, errno);
        }
    }
    return {};
}

Result<void> write_zone(const std::string& directory, const Place& place, const Zone& zone) {
    const std::string file = zone_file(directory, zone.domain);
    const std::string text = zone_text(zone, place.address);
    if (!zone.is_signed) return store::write_file(file, text, 0600);
    auto done = store::write_file(file + ".plain", text, 0600);
    if (done) done = make_zone_key(directory, zone.domain);
    if (!done) return done;
    const auto is_signed =
        run_tool({"ldns-signzone", "-f", file, file + ".plain", zone_key(directory, zone.domain)});
    return is_signed ? Result<void>() : std::unexpected(is_signed.error());
}

std::string name_server_text(const std::string& directory, const Place& place,
                             const std::vector<Zone>& zones) {
    std::string text = fmt::format(
        "server:\n    ip-address: {1}@{2}\n    username: \"\"\n    chroot: \"\"\n"
        "    zonesdir: \"{0}\"\n    database: \"\"\n    pidfile: \"{0}/nsd.pid\"\n"
        "    xfrdfile: \"{0}/xfrd.state\"\n    zonelistfile: \"{0}/zone.list\"\n"
        "    cookie-secret-file: \"{0}/cookies\"\n    xfrdir: \"{0}\"\n    server-count: 1\n"
        "    do-ip6: no\n    hide-version: yes\nremote-control:\n    control-enable: no\n",
        directory, place.address, place.port);
    for (const Zone& zone : zones) {
        text += fmt::format("zone:\n    name: \"{0}\"\n    zonefile: \"{0}.zone\"\n", zone.domain);
    }
    return text;
}

struct MailboxUser {
    std::string user;
    std::string group;
    Identity identity;
};

Result<MailboxUser> mailbox_user() {
    const bool is_root = geteuid() == 0;
    const passwd* entry = is_root ? getpwnam("nobody") : getpwuid(geteuid());
    if (entry == nullptr) {
        return fault(FaultKind::System, "starting dovecot",
                     fmt::format("user {} is not in /etc/passwd", is_root ? 65534 : geteuid()));
    }
    MailboxUser result{entry->pw_name, {}, {entry->pw_uid, is_root ? entry->pw_gid : getegid()}};
    const group* of_user = getgrgid(result.identity.group);
    if (of_user == nullptr) {
        return fault(FaultKind::System, "starting dovecot",
                     fmt::format("group {} is not in /etc/group", result.identity.group));
    }
    result.group = of_user->gr_name;
    return result;
}

Result<void> give_to(const Identity& identity, const std::string& directory) {
    for (const char* name : {"", "/dovecot.conf", "/users"}) {
        const std::string path = directory + name;
        if (chown(path.c_str(), identity.user, identity.group) != 0) {
            return system_fault("giving away " + path, errno);
        }
    }
    return {};
}

// {0} directory, {1} user, {2} group, {3} address, {4} LMTP port, {5} IMAP port, {6} domain,
// {7} uid, {8} gid. Every service runs as the caller, without chroot: then root is not needed.
constexpr std::string_view kDovecot = R"(base_dir = {0}/run
state_dir = {0}/run
log_path = {0}/dovecot.log
protocols = imap lmtp
listen = {3}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_username_format = %Ln
default_internal_user = {1}
default_internal_group = {2}
default_login_user = {1}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:~/Maildir
postmaster_address = postmaster@{6}
hostname = mailbox.{6}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {0}/users
}}
userdb {{
  driver = static
  args = uid={7} gid={8} home={0}/mail/%u
}}
service anvil {{
  chroot =
}}
service auth {{
  user = {1}
}}
service auth-worker {{
  user = {1}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {3}
    port = {5}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  user = {1}
}}
service lmtp {{
  user = {1}
  inet_listener lmtp {{
    address = {3}
    port = {4}
  }}
}}
)";

// Arguments: address and port to listen on, directory.
constexpr const char* kWebServer = R"(
import functools, http.server, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

handler = functools.partial(Handler, directory=sys.argv[3])
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), handler).serve_forever()
)";

// Arguments: address and port to listen on, address and port of the server.
constexpr const char* kMaskingRelay = R"(
import socketserver, socket, sys, threading

class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection((sys.argv[3], int(sys.argv[4])), 20) as server:
            thread = threading.Thread(target=self.pass_on, args=(self.request, server))
            thread.start()
            self.pass_on(server, self.request)
            thread.join()

    def pass_on(self, source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece.replace(b"250-STARTTLS", b"250-XXXXXXXA"))
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side is gone; the other one ends by its own deadline

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

with Server((sys.argv[1], int(sys.argv[2])), Relay) as server:
    server.serve_forever()
)";

}  // namespace

std::vector<std::string> missing_programs() {
    std::vector<std::string> sentences;
    for (const Needed& needed : kNeeded) {
        if (find_program(needed.program).empty()) {
            sentences.push_back(fmt::format("the program {} is missing; Debian package: {}",
                                            needed.program, needed.package));
        }
    }
    return sentences;
}

Result<Child> start_name_server(const std::string& directory, const Place& place,
                                const std::vector<Zone>& zones) {
    auto written = write_all(directory, {{"nsd.conf", name_server_text(directory, place, zones)}});
    for (const Zone& zone : zones) {
        if (written) written = write_zone(directory, place, zone);
    }
    if (!written) return std::unexpected(written.error());
    return when_listening(
        Child::start("nsd", {"nsd", "-d", "-c", directory + "/nsd.conf"}, directory + "/output"),
        {place});
}

std::string zone_anchor(const std::string& directory, const std::string& domain) {
    return zone_key(directory, domain) + ".key";
}

Result<void> replace_zone(const Child& name_server, const std::string& directory,
                          const Place& place, const Zone& zone) {
    if (auto written = write_zone(directory, place, zone); !written) return written;
    if (kill(name_server.pid(), SIGHUP) != 0) return system_fault("reloading nsd", errno);
    const std::string serial = fmt::format(" {} 3600 ", zone.serial);
    Result<void> asked;
    const auto waited = wait_until("waiting for the new zone", kStartDeadline, [&] {
        const auto answer = run_tool(
            {"drill", "-p", std::to_string(place.port), "@" + place.address, "SOA", zone.domain});
        if (!answer) asked = std::unexpected(answer.error());
        return !answer || answer->contains(serial);
    });
    return asked ? waited : asked;
}

Result<Child> start_web_server(const std::string& directory, const std::string& output_file,
                               const Place& place) {
    return when_listening(Child::start("the web server",
                                       {"/usr/bin/python3", "-c", kWebServer, place.address,
                                        std::to_string(place.port), directory},
                                       output_file),
                          {place});
}

Result<Child> start_masking_relay(const Place& place, const Place& server,
                                  const std::string& output_file) {
    return when_listening(
        Child::start("the firewall",
                     {"/usr/bin/python3", "-c", kMaskingRelay, place.address,
                      std::to_string(place.port), server.address, std::to_string(server.port)},
                     output_file),
        {place});
}

Result<Child> start_mailboxes(const MailboxPlan& plan) {
    const auto as = mailbox_user();
    if (!as) return std::unexpected(as.error());
    std::string users;
    for (const std::string& user : plan.users) {
        users += fmt::format("{}:{{PLAIN}}{}\n", user, plan.password);
    }
    const std::string text = fmt::format(kDovecot, plan.directory, as->user, as->group,
                                         plan.lmtp.address, plan.lmtp.port, plan.imap.port,
                                         plan.domain, as->identity.user, as->identity.group);
    auto ready = write_all(plan.directory, {{"dovecot.conf", text}, {"users", users}});
    if (ready && geteuid() == 0) ready = give_to(as->identity, plan.directory);
    if (!ready) return std::unexpected(ready.error());
    return when_listening(
        Child::start("dovecot", {"dovecot", "-F", "-c", plan.directory + "/dovecot.conf"},
                     plan.directory + "/output",
                     geteuid() == 0 ? std::optional(as->identity) : std::nullopt),
        {plan.lmtp, plan.imap});
}

}  // namespace valija::lab
