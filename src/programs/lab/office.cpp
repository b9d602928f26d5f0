#include "programs/lab/office.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::lab {
namespace {

constexpr Duration kDeadline = std::chrono::seconds(30);

constexpr auto kSettings = R"(hostname = "mail.contoso.com"
accepted_domains = ["contoso.com"]
)";

}  // namespace

Result<Office> Office::open(Stage& stage, const std::string& name) {
    const std::string home = fmt::format("{}/office-{}", stage.world().root(), name);
    std::error_code ignored;
    std::filesystem::remove_all(home, ignored);
    auto made = store::make_directories(home + "/etc", 0700);
    if (made) made = store::write_file(home + "/etc/valija.toml", kSettings);
    if (!made) return std::unexpected(made.error());
    return Office(stage, home);
}

Result<boost::json::value> facts_of(const World& world, const std::string& home,
                                    std::vector<std::string> words) {
    words.emplace_back("--json");
    const auto done = world.command(home, words);
    if (!done) return std::unexpected(done.error());
    boost::system::error_code error;
    auto value = boost::json::parse(done->out, error);
    if (error) return fault(FaultKind::System, "valija " + join(words, " "), done->err);
    return value;
}

Result<boost::json::value> Office::facts(std::vector<std::string> words) const {
    return facts_of(stage_.world(), home_, std::move(words));
}

Result<void> Office::openssl(std::vector<std::string> words) const {
    words.insert(words.begin(), "openssl");
    const auto done = run(words, kDeadline);
    if (!done) return std::unexpected(done.error());
    if (done->exit_status != 0) return fault(FaultKind::System, join(words, " "), done->err);
    return {};
}

std::vector<std::string> Office::keys() const {
    return store::list_files(home_ + "/keys", ".key").value_or(std::vector<std::string>());
}

}  // namespace valija::lab
