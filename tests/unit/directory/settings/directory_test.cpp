#include "directory/settings/directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/directory/settings/home.hpp"

namespace valija::settings {
namespace {

using test::Home;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::string server =
    "hostname = \"mail.contoso.com\"\naccepted_domains = [\"contoso.com\"]\n";

std::vector<std::string> problems_of(const std::string& home) {
    const auto loaded = load(home);
    std::vector<std::string> all;
    if (loaded) return all;
    for (const Problem& problem : loaded.error()) all.push_back(problem.where());
    return all;
}

// The problems of one file, beside a good server file.
std::vector<std::string> problems_with(const std::string& file, const std::string& text) {
    const Home home;
    home.write("etc/valija.toml", server);
    home.write(file, text);
    return problems_of(home.path());
}

TEST(Directory, HasTheDefaultsOfTheTableWhereNothingIsWritten) {
    const Home home;
    home.write("etc/valija.toml", server);
    const auto loaded = load(home.path());
    ASSERT_TRUE(loaded) << loaded.error().front().where();
    EXPECT_EQ(loaded->server.smtp_port, 25);
    EXPECT_EQ(loaded->server.queue_life, std::chrono::days(5));
    EXPECT_EQ(loaded->server.queue_memory_bound, 256U * 1024);
    EXPECT_EQ(loaded->server.postmaster, "postmaster@contoso.com");
    EXPECT_THAT(loaded->server.queue_retry,
                ElementsAre(std::chrono::minutes(1), std::chrono::minutes(5),
                            std::chrono::minutes(15), std::chrono::minutes(30)));
    ASSERT_EQ(loaded->receive.size(), 1U);
    EXPECT_EQ(loaded->receive.front().name, "Inet");  // EX-78
    EXPECT_EQ(loaded->receive.front().fqdn, "mail.contoso.com");
    EXPECT_EQ(loaded->receive.front().max_message_size, 36U << 20U);
    EXPECT_THAT(loaded->receive.front().listen, ElementsAre("0.0.0.0:25", "[::]:25"));
    EXPECT_TRUE(loaded->receive.front().domain_secure);
    ASSERT_EQ(loaded->send.size(), 1U);
    EXPECT_EQ(loaded->send.front().name, "Internet");
    EXPECT_THAT(loaded->send.front().address_spaces, ElementsAre("*"));
}

TEST(Directory, AStructMadeByHandHasTheSameDefaults) {
    EXPECT_EQ(Server().delivery_concurrency, 100);
    EXPECT_EQ(Receive().idle_timeout, std::chrono::minutes(5));
    EXPECT_EQ(Partner().revocation, "require");
}

TEST(Directory, EveryRowHasHelpAndAKnownTime) {
    for (const SettingRow& row : setting_rows()) {
        EXPECT_FALSE(row.help.empty()) << row.key;
        EXPECT_THAT(row.when, testing::AnyOf("NextSession", "Reload", "Restart")) << row.key;
    }
}

// EX-60, EX-70, EX-71: partner lists and connector flags, in files.
TEST(Directory, ReadsEveryTypeOfSetting) {
    const Home home;
    home.write("etc/valija.toml", server +
                                      "[queue]\nlife = \"2d12h\"\nretry = [\"10s\", \"1m\"]\n"
                                      "reserve = 1048576\n[dns]\nforward = \"127.0.0.1@5353\"\n");
    home.write(
        "etc/connectors.d/Inet.toml",
        "kind = \"receive\"\nlisten = [\"127.0.0.1:0\"]\nmax_message_size = \"10M\"\n"
        "max_errors = 3\nrelay_from = [\"127.0.0.0/8\", \"::1\"]\nprotocol_log = \"verbose\"\n");
    home.write("etc/partners.d/woodgrovebank.toml",
               "domains = [\"WoodgroveBank.com\"]\nsend = \"enforce\"\nreceive = \"enforce\"\n"
               "trust = [\"woodgrove-root\"]\nprotect_header_from = true\n"
               "crl = [\"http://crl.woodgrovebank.com/root.crl\", \"ldap://directory/cn=root\"]\n");
    const auto loaded = load(home.path());
    ASSERT_TRUE(loaded) << loaded.error().front().where();
    EXPECT_EQ(loaded->server.queue_life, std::chrono::hours(60));
    EXPECT_EQ(loaded->server.queue_reserve, 1U << 20U);
    EXPECT_EQ(loaded->server.dns_forward, "127.0.0.1@5353");
    ASSERT_EQ(loaded->receive.size(), 1U);
    EXPECT_EQ(loaded->receive.front().max_message_size, 10U << 20U);
    EXPECT_EQ(loaded->receive.front().protocol_log, "verbose");
    const Partner* partner = loaded->partner_of("woodgrovebank.COM");
    ASSERT_NE(partner, nullptr);
    EXPECT_EQ(partner, loaded->partner("woodgrovebank"));
    EXPECT_EQ(partner->domains.front(), "woodgrovebank.com");
    EXPECT_TRUE(partner->protect_header_from);
    EXPECT_EQ(partner->set.at("trust").line, 4U);
    EXPECT_EQ(partner->set.at("trust").file, "etc/partners.d/woodgrovebank.toml");
    EXPECT_EQ(loaded->partner_of("mail.woodgrovebank.com"), nullptr) << "sub-domains are others";
}

// EX-83: the metrics are for this machine only.
TEST(Directory, MetricsAreServedAtLoopbackAddressesOnly) {
    for (const char* address : {"127.0.0.1:9475", "127.8.9.10:0", "[::1]:9475"}) {
        EXPECT_THAT(
            problems_with("etc/valija.toml", server + "[metrics]\nlisten = \"" + address + "\"\n"),
            testing::IsEmpty());
    }
    for (const char* address : {"0.0.0.0:9475", "192.0.2.1:9475", "[::]:9475", "[2001:db8::1]:9475",
                                "127.0.0.1", "127.0.0.1:70000", "127.0.0.1.example.com:80",
                                "[::ffff:127.0.0.1]:80", "localhost:80", "[::1]"}) {
        EXPECT_THAT(
            problems_with("etc/valija.toml", server + "[metrics]\nlisten = \"" + address + "\"\n"),
            ElementsAre(HasSubstr(std::string("etc/valija.toml:4:1: \"metrics.listen\": \"") +
                                  address + "\" is not a loopback address and port")));
    }
}

// CI-09, CI-39; EX-110: international names are written as DNS does.
TEST(Directory, MatchSettingsOfAPartnerAreChecked) {
    const std::string pin(64, 'A');
    const auto with = [](const std::string& lines) {
        return problems_with("etc/partners.d/a.toml", "domains = [\"a.example\"]\n" + lines);
    };
    for (const std::string& good :
         {"match = \"pinned\"\npins = [\"" + pin + "\"]\n", std::string("match = \"strict\"\n"),
          std::string("match = \"dane\"\nreceive = \"off\"\n"),
          std::string("match = \"cisco-verify\"\nnames = [\"MX.Host.example\"]\n"),
          std::string("match = \"cisco-hosted\"\nroutes = [\"relay.example 10\", \"192.0.2.9\"]\n"
                      "mx_known = [\"mx1.a.example 192.0.2.1\"]\n")}) {
        EXPECT_THAT(with(good), testing::IsEmpty()) << good;
    }
    std::string many;
    for (int i = 0; i < 11; ++i) many += "\"" + pin + "\",";
    for (const auto& [lines, words] : std::vector<std::pair<std::string, std::string>>{
             {"match = \"pinned\"\n", "needs at least one of \"pins\""},
             {"pins = [\"" + pin + "\"]\n", "counts with match = \"pinned\" only"},
             {"match = \"pinned\"\npins = [\"12\"]\n", "is not the SHA-256 of a public key"},
             {"match = \"pinned\"\npins = [" + many + "]\n", "more than 10"},
             {"match = \"dane\"\nreceive = \"enforce\"\n", "write receive = \"off\""},
             {"match = \"dane\"\n", "write receive = \"off\""},
             {"match = \"direct\"\n", "\"direct\" needs \"trust\""},
             {"routes = [\"relay\"]\n", "is not a next hop"},
             {"mx_known = [\"mx1.a.example x\"]\n", "is not an MX host with its addresses"},
             {"names = [\"*.a.example\"]\n", "is not a full domain name"},
             {"names = [\"bücher.example\"]\n",
              "write it as DNS does: \"xn--bcher-kva.example\""}}) {
        EXPECT_THAT(with(lines), ElementsAre(HasSubstr(words))) << lines;
    }
}

TEST(Directory, AnUnknownKeyNamesItsPlaceAndTheNearestKnownOne) {
    EXPECT_THAT(
        problems_with("etc/partners.d/a.toml", "domains = [\"a.example\"]\nrecieve = \"off\"\n"),
        ElementsAre("etc/partners.d/a.toml:2:1: unknown key \"recieve\"; did you mean "
                    "\"receive\"?"));
    EXPECT_THAT(problems_with("etc/valija.toml", server + "[delivry]\n"),
                ElementsAre(HasSubstr("etc/valija.toml:3:1: unknown key \"delivry\"")));
    EXPECT_THAT(problems_with("etc/valija.toml", server + "\"dns.forward\" = \"127.0.0.1@53\"\n"),
                ElementsAre(HasSubstr("unknown key")));
}

TEST(Directory, AWrongTypeSaysWhatIsExpected) {
    const auto with = [](const std::string& line) {
        const auto all = problems_with("etc/valija.toml", server + line + "\n");
        return all.size() == 1 ? all.front() : std::to_string(all.size()) + " problems";
    };
    EXPECT_EQ(
        with("smtp_port = \"25\""),
        "etc/valija.toml:3:13: \"smtp_port\" wants a number from 1 to 65535 (without quotes), "
        "not \"25\"");
    EXPECT_THAT(with("smtp_port = 70000"), HasSubstr("from 1 to 65535"));
    EXPECT_THAT(with("postmaster = 1"), HasSubstr("a text in quotes"));
    EXPECT_THAT(with("queue.retry = [\"5m\", \"soon\"]"),
                HasSubstr(":3:22: \"queue.retry\" wants a list of times"));
    EXPECT_THAT(with("queue.life = \"5\""), HasSubstr("a time from 1s to 30d"));
    EXPECT_THAT(with("queue.life = \"31d\""), HasSubstr("a time from 1s to 30d"));
    EXPECT_THAT(with("queue.reserve = \"2T\""), HasSubstr("a size from 0 to 1T"));
    EXPECT_THAT(with("log.level = \"wraning\""), HasSubstr("did you mean \"warning\"?"));
    EXPECT_THAT(with("log.level = { a = 1 }"), HasSubstr("unknown key \"log.level.a\""));
    EXPECT_THAT(with("smtp_port = 25\nsmtp_port = 26"), HasSubstr("not well-formed TOML"));
}

TEST(Directory, TheHostNameIsRequiredAndFullyQualified) {
    const Home home;
    EXPECT_THAT(problems_of(home.path()), ElementsAre("etc/valija.toml: the file is missing in " +
                                                      home.path() + "; `valija setup` makes one"));
    home.write("etc/valija.toml", "");
    EXPECT_THAT(problems_of(home.path()), ElementsAre(HasSubstr("\"hostname\": is required")));
    for (const std::string name :
         {"mail", "192.0.2.1", "-a.example", "mail.contoso.com.", "a b.c"}) {
        home.write("etc/valija.toml", "hostname = \"" + name + "\"\n");
        EXPECT_EQ(problems_of(home.path()).size(), 1U) << name;
    }
}

TEST(Directory, ANameInUtf8IsRefusedWithAHint) {
    EXPECT_THAT(problems_with("etc/partners.d/a.toml",
                              "domains = [\"b\xC3\xBC"
                              "cher.example\"]\n"),
                ElementsAre(testing::AllOf(HasSubstr("a.toml:1:1"), HasSubstr("xn--"))));
}

TEST(Directory, ValuesAreCheckedForWhatTheyMean) {
    const auto connector = [](const std::string& line) {
        return problems_with("etc/connectors.d/x.toml", "kind = \"receive\"\n" + line + "\n")
            .size();
    };
    EXPECT_EQ(connector("listen = [\"localhost:25\"]"), 1U);
    EXPECT_EQ(connector("listen = [\"::1:25\"]"), 1U);
    EXPECT_EQ(connector("listen = [\"[::1]:65536\"]"), 1U);
    EXPECT_EQ(connector("listen = []"), 1U);
    EXPECT_EQ(connector("listen = [\"[::1]:25\"]"), 0U);
    EXPECT_EQ(connector("relay_from = [\"10.0.0.0/33\"]"), 1U);
    EXPECT_EQ(connector("relay_from = [\"10.0.0.0/32\", \"2001:db8::/128\"]"), 0U);
    EXPECT_EQ(connector("certificate = \"../secret\""), 1U);
    const auto partner = [](const std::string& line) {
        return problems_with("etc/partners.d/x.toml", "domains = [\"x.example\"]\n" + line + "\n")
            .size();
    };
    EXPECT_EQ(partner("crl = [\"file:///etc/passwd\"]"), 1U);
    EXPECT_EQ(partner("crl = [\"http://\"]"), 1U);
    EXPECT_EQ(partner("trust = [\"../../other\"]"), 1U);
    EXPECT_EQ(partner("contact = \"nobody\""), 1U);
    EXPECT_EQ(partner("contact = \"a@b.example\""), 0U);
    EXPECT_EQ(partner("revocation_grace = \"0s\""), 0U);
}

TEST(Directory, AllProblemsOfAllFilesAreGivenAtOnce) {
    const Home home;
    home.write("etc/valija.toml", "hostnam = \"a.example\"\nsmtp_port = 0\n");
    home.write("etc/connectors.d/a.toml", "kind = \"both\"\n");
    home.write("etc/partners.d/b.toml", "domains = \n");
    EXPECT_THAT(problems_of(home.path()),
                ElementsAre(HasSubstr("valija.toml:1:1"), HasSubstr("valija.toml:2:13"),
                            HasSubstr("a.toml:1:8"), HasSubstr("b.toml:1:")));
}

TEST(Directory, ADomainOfTwoPartnersNamesBothFiles) {
    const Home home;
    home.write("etc/valija.toml", server);
    home.write("etc/partners.d/a.toml", "domains = [\"x.example\"]\n");
    home.write("etc/partners.d/b.toml", "\ndomains = [\"y.example\", \"X.example\"]\n");
    EXPECT_THAT(
        problems_of(home.path()),
        ElementsAre(testing::AllOf(HasSubstr("etc/partners.d/b.toml:2:1"), HasSubstr("\"a\""),
                                   HasSubstr("etc/partners.d/a.toml:1"))));
    EXPECT_THAT(problems_with("etc/partners.d/a.toml", "domains = [\"contoso.com\"]\n"),
                ElementsAre(HasSubstr("accepted_domains")));
}

// EX-62, EX-71, EX-72, and decided: never a weaker path.
TEST(Directory, AnEnforcedPartnerNeedsAConnectorThatHoldsItToItsCertificate) {
    const Home home;
    home.write("etc/valija.toml", server);
    home.write("etc/connectors.d/Inet.toml", "kind = \"receive\"\ndomain_secure = false\n");
    home.write("etc/connectors.d/Internet.toml", "kind = \"send\"\ndomain_secure = false\n");
    home.write("etc/partners.d/a.toml", "domains = [\"x.example\"]\n");
    EXPECT_TRUE(problems_of(home.path()).empty()) << "monitor asks for nothing";
    home.write("etc/partners.d/a.toml",
               "domains = [\"x.example\"]\nsend = \"enforce\"\nreceive = \"enforce\"\n");
    EXPECT_THAT(
        problems_of(home.path()),
        UnorderedElementsAre(testing::AllOf(HasSubstr("a.toml:2:1"), HasSubstr("\"Internet\""),
                                            HasSubstr("etc/connectors.d/Internet.toml:2")),
                             testing::AllOf(HasSubstr("a.toml:3:1"), HasSubstr("\"Inet\""))));
}

TEST(Directory, TheMostSpecificAddressSpaceWins) {
    const Home home;
    home.write("etc/valija.toml", server);
    const auto connector = [&](const std::string& name, const std::string& spaces) {
        home.write("etc/connectors.d/" + name + ".toml",
                   "kind = \"send\"\naddress_spaces = [" + spaces + "]\n");
    };
    connector("all", "\"*\"");
    connector("below", "\"*.example.com\"");
    connector("deeper", "\"*.a.example.com\"");
    connector("exact", "\"a.example.com\"");
    const auto loaded = load(home.path());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->connector_for("elsewhere.org").name, "all");
    EXPECT_EQ(loaded->connector_for("example.com").name, "below");
    EXPECT_EQ(loaded->connector_for("B.EXAMPLE.com").name, "below");
    EXPECT_EQ(loaded->connector_for("x.a.example.com").name, "deeper");
    EXPECT_EQ(loaded->connector_for("a.example.com").name, "exact");
    EXPECT_EQ(loaded->connector_for("badexample.com").name, "all");
}

TEST(Directory, WithoutAConnectorForAllOthersMailWouldBeLost) {
    EXPECT_THAT(problems_with("etc/connectors.d/p.toml",
                              "kind = \"send\"\naddress_spaces = [\"example.com\"]\n"),
                ElementsAre(HasSubstr("p.toml:2:1: no send connector carries")));
}

TEST(Directory, LinksLargeFilesAndFoldersAreProblems) {
    const Home home;
    home.write("etc/valija.toml", server);
    home.write("outside.toml", "domains = [\"x.example\"]\n");
    home.write("etc/partners.d/large.toml", std::string((1U << 20U) + 1, '#'));
    std::filesystem::create_symlink(home.path() + "/outside.toml",
                                    home.path() + "/etc/partners.d/link.toml");
    std::filesystem::create_directory(home.path() + "/etc/partners.d/folder.toml");
    home.write("etc/partners.d/bytes.toml", "contact = \"\xFF\xFE\"\n");
    home.write("etc/partners.d/odd name.toml", "");
    const auto all = problems_of(home.path());
    EXPECT_THAT(all, testing::Contains(HasSubstr("large.toml: is larger than 1 MiB")));
    EXPECT_THAT(all, testing::Contains(HasSubstr("link.toml: is a symbolic link")));
    EXPECT_THAT(all, testing::Contains(HasSubstr("bytes.toml:1:")));
    EXPECT_THAT(all, testing::Contains(HasSubstr("odd name.toml: a file name has")));
}

TEST(Directory, FilesThatAreNotTomlAreLeftAlone) {
    EXPECT_TRUE(problems_with("etc/partners.d/a.toml~", "nonsense").empty());
    EXPECT_TRUE(problems_with("etc/partners.d/.a.toml", "nonsense").empty());
}

TEST(Directory, AnOverlayStandsForFilesThatAreNotWrittenYet) {
    const Home home;
    home.write("etc/valija.toml", server);
    home.write("etc/partners.d/a.toml", "domains = [\"a.example\"]\n");
    const auto loaded =
        load(home.path(), {{"etc/partners.d/a.toml", std::nullopt},
                           {"etc/partners.d/b.toml", "domains = [\"b.example\"]\n"}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->partner("a"), nullptr);
    EXPECT_NE(loaded->partner("b"), nullptr);
}

TEST(Directory, APresetChangesDefaultsButNothingThatIsWritten) {
    const Home home;
    home.write("etc/valija.toml", server + "preset = \"exchange-edge\"\n[queue]\nlife = \"3d\"\n");
    home.write("etc/connectors.d/Inet.toml", "kind = \"receive\"\nmax_errors = 7\n");
    const auto loaded = load(home.path());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->server.queue_life, std::chrono::days(3));
    EXPECT_EQ(loaded->server.queue_retry.size(), 11U);
    EXPECT_EQ(loaded->receive.front().max_errors, 7);
    EXPECT_EQ(loaded->receive.front().max_recipients, 200);
    EXPECT_EQ(loaded->receive.front().max_hops, 30);
    const auto rows = in_force(loaded->receive.front(), loaded->server);
    const auto origin = [&](const std::string& key) {
        return std::ranges::find(rows, key, &InForce::key)->origin;
    };
    EXPECT_EQ(origin("max_errors"), "etc/connectors.d/Inet.toml:2");
    EXPECT_EQ(origin("max_recipients"), "preset exchange-edge");
    EXPECT_EQ(origin("protocol_log"), "default");
}

TEST(Directory, ShowsWhatIsInForceAsTomlWritesIt) {
    const auto rows = in_force(Server());
    const auto value = [&](const std::string& key) {
        return std::ranges::find(rows, key, &InForce::key)->value;
    };
    EXPECT_EQ(value("smtp_port"), "25");
    EXPECT_EQ(value("queue.retry"), "[\"1m\", \"5m\", \"15m\", \"30m\"]");
    EXPECT_EQ(value("queue.reserve"), "\"64M\"");
    EXPECT_EQ(value("dns.deadline"), "\"10s\"");
    EXPECT_EQ(value("accepted_domains"), "[]");
}

}  // namespace
}  // namespace valija::settings
