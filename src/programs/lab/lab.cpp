#include "programs/lab/lab.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "control/service/table.hpp"
#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "programs/command_table.hpp"
#include "programs/lab/services.hpp"
#include "programs/lab/stage.hpp"

namespace valija::programs {
namespace {

using namespace std::chrono_literals;
using lab::Comparison;
using lab::Scene;
using lab::Stage;
using lab::World;
namespace json = boost::json;

constexpr std::string_view kPrefix = "valija-lab.";
constexpr Duration kStopDeadline = 30s;

// What is printed while things go on; with --json people's text goes to standard error.
FILE* voice(const LabOptions& options) { return options.json ? stderr : stdout; }

std::string temporary_directory() {
    const char* set = std::getenv("TMPDIR");
    return set == nullptr || *set == '\0' ? "/tmp" : set;
}

// ---- which scenes

std::vector<Scene> chosen_scenes(const std::string& word) {
    std::vector<Scene> chosen;
    for (const Scene& scene : lab::all_scenes()) {
        if (word == "all" || word == scene.group || word == scene.name) chosen.push_back(scene);
    }
    return chosen;
}

int list_scenes(const LabOptions& options) {
    json::array rows;
    service::Table table({"GROUP", "SCENE", "WHAT IT SHOWS"});
    for (const Scene& scene : lab::all_scenes()) {
        rows.push_back(
            json::object{{"group", scene.group}, {"scene", scene.name}, {"title", scene.title}});
        table.add({std::string(scene.group), std::string(scene.name), std::string(scene.title)});
    }
    fmt::print(stdout, "{}", options.json ? json::serialize(rows) + "\n" : table.text());
    return status::yes;
}

// ---- playing

struct Played {
    Scene scene;
    std::vector<Comparison> comparisons;
    std::string broken;  // what kept the scene from being played to its end
    bool as_expected = false;
};

void print_lines(std::string_view prefix, std::string_view text) {
    for (const std::string_view line : split(text, '\n')) fmt::print("{}{}\n", prefix, line);
}

void print_scene(const Played& played, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) fmt::print("   | {}\n", line);
    if (!lines.empty()) fmt::print("\n");
    for (const Comparison& comparison : played.comparisons) {
        fmt::print("   {}\n     expected  {}\n     happened  {}{}\n", comparison.what,
                   comparison.expected, comparison.happened,
                   comparison.holds() ? "" : "      <-- not as expected");
    }
    if (!played.broken.empty()) fmt::print("   not played to its end: {}\n", played.broken);
    fmt::print("\n");
}

json::object json_of(const Played& played, const std::vector<std::string>& lines) {
    json::array comparisons;
    for (const Comparison& comparison : played.comparisons) {
        comparisons.push_back(json::object{{"what", comparison.what},
                                           {"expected", comparison.expected},
                                           {"happened", comparison.happened}});
    }
    return {{"scene", played.scene.name},
            {"as_expected", played.as_expected},
            {"comparisons", std::move(comparisons)},
            {"broken", played.broken},
            {"lines", json::value_from(lines)}};
}

Played play(World& world, const Scene& scene, size_t number, const LabOptions& options) {
    if (!options.json) {
        fmt::print("{:>2} {}\n", number, scene.title);
        print_lines("   ", scene.story);
        fmt::print("\n");
        std::fflush(stdout);
    }
    Stage stage(world, options.verbose);
    const auto went = scene.play(stage);
    const Played played{.scene = scene,
                        .comparisons = stage.comparisons(),
                        .broken = went ? std::string() : went.error().text(),
                        .as_expected = went && stage.went_as_expected()};
    if (options.json) {
        fmt::print("{}\n", json::serialize(json_of(played, stage.lines())));
    } else {
        print_scene(played, stage.lines());
    }
    return played;
}

// What a table has room for.
std::string brief(std::string text) {
    constexpr std::string_view kLong = "Certificate validation failure, Reason:";
    if (const size_t at = text.find(kLong); at != std::string::npos) text.erase(at, kLong.size());
    return escape_peer_text(text, 48);
}

// One row a scene: its last comparison, or the first that does not hold.
std::vector<std::string> row_of(const Played& played, size_t number) {
    std::vector<std::string> row{std::to_string(number), std::string(played.scene.title)};
    const auto wrong = std::ranges::find_if_not(played.comparisons, &Comparison::holds);
    if (!played.broken.empty() || played.comparisons.empty()) {
        row.insert(row.end(), {"-", "-", "not played to its end"});
    } else {
        const Comparison& shown =
            wrong == played.comparisons.end() ? played.comparisons.back() : *wrong;
        row.insert(row.end(), {shown.what, brief(shown.expected), brief(shown.happened)});
    }
    row.emplace_back(played.as_expected ? "as expected" : "NOT AS EXPECTED");
    return row;
}

int play_all(World& world, const std::vector<Scene>& scenes, const LabOptions& options) {
    service::Table table({"", "SCENE", "WHAT COUNTS", "EXPECTED", "HAPPENED", ""});
    size_t right = 0;
    size_t wrong = 0;
    for (const Scene& scene : scenes) {
        if (lab::stop_was_asked()) break;
        const Played played = play(world, scene, right + wrong + 1, options);
        ++(played.as_expected ? right : wrong);
        table.add(row_of(played, right + wrong));
    }
    if (options.json) {
        fmt::print("{}\n", json::serialize(json::object{{"as_expected", right}, {"not", wrong}}));
    } else {
        fmt::print("{}\nscenes: {} as expected, {} not\n", table.text(), right, wrong);
    }
    return wrong == 0 && right == scenes.size() ? status::yes : status::no;
}

// ---- the world, for those who want to try it

json::object json_of(const lab::Organisation& of) {
    return {{"name", of.who.name},
            {"title", of.who.title},
            {"domain", of.who.domain},
            {"hostname", of.hostname},
            {"home", of.home},
            {"address", of.address},
            {"inside", of.inside},
            {"lmtp", of.lmtp.text()},
            {"imap", of.imap.text()},
            {"mailbox",
             json::object{
                 {"address", of.mailbox}, {"user", of.mailbox}, {"password", World::kPassword}}},
            {"ca_certificate", of.ca_certificate},
            {"ca_key", of.ca_key},
            {"crl_url", of.crl_url},
            {"crl_file", of.crl_file},
            {"certificate", of.certificate},
            {"key", of.key}};
}

void print_json(World& world) {
    fmt::print(
        "{}\n",
        json::serialize(json::object{
            {"root", world.root()},
            {"pid", getpid()},
            {"smtp_port", world.smtp_port()},
            {"dns", world.name_server()},
            {"outsider", world.outsider()},
            {"organisations", json::array{json_of(world.contoso()), json_of(world.woodgrove())}}}));
    std::fflush(stdout);
}

void print_organisation(const World& world, const lab::Organisation& of) {
    fmt::print(
        "  {}\n    mail server  {} {}:{}    (users send from {})\n"
        "    mailbox      {} password {}    imap://{}\n    home         {}\n",
        of.who.title, of.hostname, of.address, world.smtp_port(), of.inside, of.mailbox,
        World::kPassword, of.imap.text(), of.home);
}

// Commands that can be copied; each shows one thing.
void print_hints(World& world) {
    lab::Organisation& contoso = world.contoso();
    lab::Organisation& woodgrove = world.woodgrove();
    fmt::print("The world is up; its name server is {}.\n\n", world.name_server());
    print_organisation(world, contoso);
    print_organisation(world, woodgrove);
    const std::string to_contoso = fmt::format("swaks --server {}:{} --to {}", contoso.address,
                                               world.smtp_port(), contoso.mailbox);
    fmt::print(
        "\nTry, in another terminal:\n"
        "  # partner mail, handed to the server by a user of Contoso\n"
        "  swaks --server {}:{} --local-interface {} --from {} --to {}\n",
        contoso.address, world.smtp_port(), contoso.inside, contoso.mailbox, woodgrove.mailbox);
    fmt::print("  # read it\n  curl --user {}:{} 'imap://{}/INBOX;MAILINDEX=1'\n",
               woodgrove.mailbox, World::kPassword, woodgrove.imap.text());
    fmt::print("  # an outsider: taken, not marked\n  {} --from eve@fabrikam.com\n", to_contoso);
    fmt::print("  # an impostor: 530\n  {} --from {}\n", to_contoso, woodgrove.mailbox);
    fmt::print(
        "  # with the partner's own certificate: taken, marked\n"
        "  {} --from {} --tls \\\n      --tls-cert {} \\\n      --tls-key {}\n",
        to_contoso, woodgrove.mailbox, woodgrove.certificate, woodgrove.key);
    fmt::print(
        "  # what the server shows\n"
        "  openssl s_client -starttls smtp -connect {}:{} -CAfile {} -brief </dev/null\n",
        contoso.address, world.smtp_port(), contoso.ca_certificate);
    fmt::print(
        "  # what an operator sees\n"
        "  valija queue list --home {0}\n  valija counters --home {0}\n"
        "  valija partner show woodgrovebank --home {0}\n  tail -f {0}/log/valija.log\n",
        contoso.home);
    fmt::print("\nCtrl-C here, or `valija lab --stop`, takes it down and leaves nothing.\n");
    std::fflush(stdout);
}

// ---- directories of labs: one each, with the process that owns it in `lab.pid`

Result<std::string> make_root() {
    std::string name = fmt::format("{}/{}XXXXXX", temporary_directory(), kPrefix);
    if (mkdtemp(name.data()) == nullptr) return system_fault("making " + name, errno);
    const auto started = lab::start_of_process(getpid());
    const auto written = store::write_file(
        name + "/lab.pid", fmt::format("{} {}\n", getpid(), started.value_or(0)), 0600);
    if (!written) return std::unexpected(written.error());
    return name;
}

struct Owner {
    pid_t pid = 0;
    unsigned long long started = 0;

    bool is_alive() const { return pid > 0 && lab::start_of_process(pid) == started; }
};

Owner owner_of(const std::string& root) {
    const auto text = store::read_file(root + "/lab.pid", 100);
    if (!text) return {};
    Owner owner;
    const char* end = text->data() + text->size();
    const auto pid = std::from_chars(text->data(), end, owner.pid);
    if (pid.ec != std::errc() || pid.ptr == end) return {};
    const auto started = std::from_chars(pid.ptr + 1, end, owner.started);
    return started.ec == std::errc() ? owner : Owner{};
}

// Whether it is the caller's own directory and no link: what another user put there is not ours to
// remove.
bool is_own_directory(const std::string& path) {
    struct stat facts{};
    return lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid();
}

std::vector<std::string> standing_labs() {
    std::vector<std::string> roots;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(temporary_directory(), ignored)) {
        const std::string path = entry.path().string();
        if (entry.path().filename().string().starts_with(kPrefix) && is_own_directory(path)) {
            roots.push_back(path);
        }
    }
    return roots;
}

// A lab that was killed takes its programs with it, but for Dovecot, which the kernel forgets to
// tell.
Result<void> end_orphans(const std::string& root) {
    for (const pid_t pid : lab::processes_with(root + "/")) kill(pid, SIGTERM);
    return lab::wait_until("waiting for the end of a killed lab's programs", kStopDeadline,
                           [&] { return lab::processes_with(root + "/").empty(); });
}

Result<void> take_down(const std::string& root) {
    const Owner owner = owner_of(root);
    if (!owner.is_alive()) {
        if (auto ended = end_orphans(root); !ended) return ended;
    } else {
        if (kill(owner.pid, SIGTERM) != 0) return system_fault("ending the lab", errno);
        const auto ended = lab::wait_until("waiting for the lab's end", kStopDeadline,
                                           [&] { return !owner.is_alive(); });
        if (!ended) return ended;
    }
    std::error_code failed;
    std::filesystem::remove_all(root, failed);
    return failed ? fault(FaultKind::System, "removing " + root, failed.message()) : Result<void>();
}

int stop_labs() {
    const auto roots = standing_labs();
    if (roots.empty()) fmt::print("No lab is up.\n");
    for (const std::string& root : roots) {
        if (const auto down = take_down(root); !down) {
            fmt::print(stderr, "valija: {}\n", down.error().text());
            return status::unknown;
        }
        fmt::print("The lab in {} is gone.\n", root);
    }
    return status::yes;
}

// ---- all together

int could_not(const std::string& what) {
    fmt::print(stderr, "valija: {}\n", what);
    return status::unknown;
}

int stay_up(World& world, const LabOptions& options) {
    options.json ? print_json(world) : print_hints(world);
    while (!lab::stop_was_asked()) {
        // Every program of the world is watched: a lab with a hole in it is no lab.
        for (lab::Organisation* of : {&world.contoso(), &world.woodgrove()}) {
            if (!of->server->is_running() || !of->mailboxes->is_running() ||
                !of->web_server->is_running()) {
                return could_not(fmt::format("a server of {} ended; {} has what it said",
                                             of->who.title, world.root()));
            }
        }
        (void)lab::wait_until("the end", 1s, [] { return false; });
    }
    return status::yes;
}

int in_world(const LabOptions& options, const std::vector<Scene>& scenes) {
    const auto root = make_root();
    if (!root) return could_not(root.error().text());
    fmt::print(voice(options),
               "Building the world: CAs, DNS, revocation lists, mailboxes, two mail "
               "servers …\n\n");
    std::fflush(voice(options));
    auto world = World::build(options.program, *root);
    if (!world) {
        std::error_code ignored;
        std::filesystem::remove_all(*root, ignored);
        return lab::stop_was_asked() ? status::unknown : could_not(world.error().text());
    }
    int result = scenes.empty() ? status::yes : play_all(**world, scenes, options);
    if (options.keep && !lab::stop_was_asked()) {
        const int stayed = stay_up(**world, options);
        result = stayed == status::yes ? result : stayed;
    }
    return result;
}

}  // namespace

int lab(const LabOptions& options) {
    if (options.list) return list_scenes(options);
    if (options.stop) return stop_labs();
    const std::vector<Scene> scenes = chosen_scenes(options.scenes);
    if (scenes.empty() && options.scenes != "none") {
        fmt::print(stderr,
                   "valija: there is no scene or group \"{}\"; `valija lab --list` names them\n",
                   escape_peer_text(options.scenes, 60));
        return status::usage;
    }
    const auto missing = lab::missing_programs();
    for (const std::string& sentence : missing) fmt::print(stderr, "valija: {}\n", sentence);
    if (!missing.empty()) return status::unknown;
    lab::watch_signals();
    return in_world(options, scenes);
}

}  // namespace valija::programs
