// EX-28, EX-29, EX-31, EX-32, EX-34: lists are fetched ahead, verified, kept, and retried.
#include "trust/revocation/keeper.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>

#include "support/ocsp.hpp"
#include "unit/directory/settings/home.hpp"

namespace valija::revocation {
namespace {

using namespace std::chrono_literals;
using test::kDay;
using test::kNow;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kUrl = "http://crl.example/a.crl";
constexpr auto kPatience = 60s;

class FakeClock final : public Clock {
  public:
    Time now() const override { return Time(Duration(millis_)); }

    void advance(Duration by) { millis_ += by.count(); }

  private:
    std::atomic<long long> millis_ = to_millis(kNow);
};

// What the keeper says, and a way to wait for it.
class Listener final : public observe::Sink {
  public:
    void write(observe::Level /*level*/, std::string_view line) override {
        const std::scoped_lock lock(mutex_);
        lines_.emplace_back(line);
        changed_.notify_all();
    }

    // The next line, of those not yet heard, that has `text` in it.
    std::string next(const std::string& text) {
        std::unique_lock lock(mutex_);
        std::string found;
        const auto heard = [&] {
            while (found.empty() && !lines_.empty()) {
                if (lines_.front().find(text) != std::string::npos) found = lines_.front();
                lines_.pop_front();
            }
            return !found.empty();
        };
        EXPECT_TRUE(changed_.wait_for(lock, kPatience, heard)) << "never said: " << text;
        return found;
    }

    // Of the lines not yet heard.
    bool has_heard(const std::string& text) {
        const std::scoped_lock lock(mutex_);
        return std::ranges::any_of(
            lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> lines_;
};

using Done = std::function<void(Result<std::string>)>;

// A web server that answers when the test says so.
class FakeServer {
  public:
    struct Request {
        std::string url;
        std::string body;
        Done done;
    };

    Fetch fetch() {
        return [this](FetchRequest request, Done done) {
            const std::scoped_lock lock(mutex_);
            requests_.push_back({std::move(request.url), std::move(request.body), std::move(done)});
            changed_.notify_all();
        };
    }

    Request next() {
        std::unique_lock lock(mutex_);
        const bool came = changed_.wait_for(lock, kPatience, [&] { return !requests_.empty(); });
        EXPECT_TRUE(came) << "nothing was fetched";
        if (!came) return {.url = {}, .body = {}, .done = [](const auto&) {}};
        Request request = std::move(requests_.front());
        requests_.pop_front();
        return request;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Request> requests_;
};

class KeeperTest : public testing::Test {
  protected:
    void start() {
        keeper.reset();
        auto made = Keeper::start(options, server.fetch(), clock, observe::Log(listener));
        ASSERT_TRUE(made) << made.error().text();
        keeper = std::move(*made);
    }

    std::string list_of(authority::Authority& issuer, Duration life = kDay) const {
        return issuer.crl(clock.now() - 1h, clock.now() + life).value();
    }

    // Wanted, asked for, answered, in the book.
    void keep(const std::string& url) {
        keeper->want(url, ca.root());
        const auto request = server.next();
        ASSERT_EQ(request.url, url);
        request.done(list_of(ca));
        listener->next("crl.fetched");
    }

    bool has(const std::string& url) const { return keeper->book()->lists().contains(url); }

    static bool is_among(const std::vector<ListState>& lists, const std::string& url) {
        return std::ranges::find(lists, url, &ListState::url) != lists.end();
    }

    ListState state() const {
        const auto all = keeper->lists();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? ListState{} : all.front();
    }

    std::string file(const std::string& suffix) const {
        for (const auto& entry : std::filesystem::directory_iterator(options.directory)) {
            if (entry.path().extension() == suffix) return entry.path().string();
        }
        return {};
    }

    void overwrite(const std::string& suffix, const std::string& content) const {
        const std::string path = file(suffix);
        ASSERT_FALSE(path.empty());
        std::ofstream(path, std::ios::binary) << content;
    }

    test::Home home;
    authority::Authority ca = test::new_authority("Woodgrove Root");
    FakeClock clock;
    FakeServer server;
    std::shared_ptr<Listener> listener = std::make_shared<Listener>();
    KeeperOptions options{.directory = home.path() + "/state/crl", .shortest = 10ms};
    std::unique_ptr<Keeper> keeper;
};

TEST_F(KeeperTest, AWantedListIsFetchedVerifiedAndInTheBook) {
    start();
    EXPECT_TRUE(keeper->book()->lists().empty());
    keeper->want(kUrl, ca.root());
    const auto request = server.next();
    EXPECT_EQ(request.url, kUrl);
    EXPECT_FALSE(state().loaded);
    EXPECT_EQ(state().issuer, "CN=Woodgrove Root");
    const auto leaf = ca.issue({.common_name = "a",
                                .dns_names = {},
                                .not_before = kNow,
                                .not_after = kNow + kDay,
                                .crl_urls = {kUrl}})
                          ->certificate;
    ca.revoke(leaf, kNow - 2h);
    request.done(list_of(ca));
    const std::string said = listener->next("crl.fetched");
    EXPECT_THAT(said, HasSubstr(kUrl));
    EXPECT_EQ(keeper->book()->look_up(leaf, ca.root(), kNow, 0ms).state, State::Revoked);
    EXPECT_TRUE(state().loaded);
    EXPECT_EQ(state().entries, 1U);
    EXPECT_EQ(state().next_update, kNow + kDay);
    EXPECT_EQ(state().last_error, "");
}

TEST_F(KeeperTest, ABookOnceTakenDoesNotChange) {
    start();
    const auto before = keeper->book();
    keep(kUrl);
    EXPECT_TRUE(before->lists().empty());
    EXPECT_TRUE(has(kUrl));
}

// EX-29: a web server that is down delays; each wait is twice the one before.
TEST_F(KeeperTest, AFailedFetchIsTriedAgainAfterWaitsThatDouble) {
    start();
    keeper->want(kUrl, ca.root());
    for (const Duration wait : {10ms, 20ms, 40ms}) {
        server.next().done(fault(FaultKind::Network, "fetching", "connection refused"));
        const std::string said = listener->next("crl.failed");
        EXPECT_THAT(said, HasSubstr("connection refused"));
        EXPECT_THAT(said, HasSubstr(iso_time(clock.now() + wait)));
        EXPECT_THAT(state().last_error, HasSubstr("connection refused"));
        clock.advance(wait);
    }
    server.next().done(list_of(ca));
    listener->next("crl.fetched");
    EXPECT_TRUE(has(kUrl));
    EXPECT_EQ(state().last_error, "");
}

TEST_F(KeeperTest, AWaitIsNeverLongerThanTheLongest) {
    options.longest = 30ms;
    start();
    keeper->want(kUrl, ca.root());
    for (const Duration wait : {10ms, 20ms, 30ms, 30ms}) {
        server.next().done(fault(FaultKind::Network, "fetching", "refused"));
        EXPECT_THAT(listener->next("crl.failed"), HasSubstr(iso_time(clock.now() + wait)));
        clock.advance(wait);
    }
}

// A list is due at three quarters of its life, or up to a tenth earlier; the wanting of another one
// makes the keeper look.
TEST_F(KeeperTest, AListIsFetchedAgainBeforeItsEnd) {
    start();
    keeper->want(kUrl, ca.root());
    server.next().done(list_of(ca, 4h));
    listener->next("crl.fetched");
    clock.advance(162min - 1ms);
    keeper->want("http://crl.example/b.crl", ca.root());
    EXPECT_EQ(server.next().url, "http://crl.example/b.crl");
    clock.advance(18min + 1ms);
    keeper->want("http://crl.example/c.crl", ca.root());
    EXPECT_EQ(server.next().url, kUrl);
    EXPECT_EQ(server.next().url, "http://crl.example/c.crl");
}

// A CA that is late with its list is not asked every few milliseconds.
TEST_F(KeeperTest, AListThatIsOutOfDateAlreadyIsAskedForAfterWaitsThatDouble) {
    start();
    keeper->want(kUrl, ca.root());
    for (const Duration wait : {10ms, 20ms}) {
        server.next().done(ca.crl(kNow - kDay, kNow - 1h).value());
        listener->next("crl.fetched");
        clock.advance(wait);
    }
    server.next().done(ca.crl(kNow - kDay, kNow - 1h).value());
    listener->next("crl.fetched");
    clock.advance(20ms);
    keeper->want("http://crl.example/b.crl", ca.root());
    EXPECT_EQ(server.next().url, "http://crl.example/b.crl") << "the first is not due yet";
    clock.advance(20ms);
    EXPECT_EQ(server.next().url, kUrl);
}

TEST_F(KeeperTest, ALongLivedListIsFetchedAtLeastAsOftenAsTheLongest) {
    options.longest = 2h;
    start();
    keep(kUrl);
    clock.advance(2h);
    keeper->want("http://crl.example/b.crl", ca.root());
    EXPECT_EQ(server.next().url, kUrl);
}

TEST_F(KeeperTest, WantingAgainChangesNothing) {
    start();
    keep(kUrl);
    keeper->want(kUrl, ca.root());
    keeper->want(kUrl, ca.root());
    keeper->want("http://crl.example/b.crl", ca.root());
    EXPECT_EQ(server.next().url, "http://crl.example/b.crl") << "and not the first again";
    EXPECT_EQ(keeper->lists().size(), 2U);
}

TEST_F(KeeperTest, RefreshingFetchesAKnownListAtOnceAndNoOther) {
    start();
    keep(kUrl);
    keeper->refresh("http://crl.example/unknown.crl");
    keeper->refresh(kUrl);
    EXPECT_EQ(server.next().url, kUrl);
    EXPECT_EQ(keeper->lists().size(), 1U);
}

// EX-31: what is not signed by the issuer is not believed, and does not displace what is.
TEST_F(KeeperTest, AListWithABadSignatureIsRefusedAndTheOldOneStays) {
    start();
    keep(kUrl);
    const auto before = keeper->book()->lists().at(kUrl);
    auto impostor = test::new_authority("Woodgrove Root");
    for (const std::string& bad :
         {list_of(impostor), std::string("<html>404</html>"), std::string()}) {
        keeper->refresh(kUrl);
        server.next().done(bad);
        listener->next("crl.failed");
        EXPECT_EQ(keeper->book()->lists().at(kUrl), before);
        EXPECT_TRUE(state().loaded);
        EXPECT_NE(state().last_error, "");
    }
    start();
    EXPECT_TRUE(has(kUrl)) << "and on disk it stays too";
}

TEST_F(KeeperTest, AnOlderListDoesNotReplaceANewerOne) {
    start();
    const std::string old = ca.crl(kNow - 2h, kNow + kDay).value();
    keep(kUrl);
    keeper->refresh(kUrl);
    server.next().done(old);
    EXPECT_THAT(listener->next("crl.failed"), HasSubstr("older"));
    EXPECT_EQ(state().this_update, kNow - 1h);
}

TEST_F(KeeperTest, OfSeveralIssuersTheOneThatSignedCounts) {
    start();
    auto renewed = test::new_authority("Woodgrove Root 2");
    keeper->want(kUrl, ca.root());
    const auto request = server.next();
    keeper->want(kUrl, renewed.root());
    request.done(list_of(renewed));
    listener->next("crl.fetched");
    EXPECT_EQ(keeper->book()->lists().at(kUrl)->issuer_sha256(), renewed.root()->sha256);
    EXPECT_EQ(state().issuer, "CN=Woodgrove Root 2");
    start();
    EXPECT_TRUE(has(kUrl)) << "the second issuer is remembered as well";
}

TEST_F(KeeperTest, AtMostEightIssuersAreRememberedForAList) {
    start();
    keeper->want(kUrl, ca.root());
    const auto request = server.next();
    for (int i = 0; i < 7; ++i) {
        keeper->want(kUrl, test::new_authority("Root " + std::to_string(i)).root());
    }
    auto ninth = test::new_authority("Ninth");
    keeper->want(kUrl, ninth.root());
    request.done(list_of(ninth));
    listener->next("crl.failed");
    EXPECT_FALSE(has(kUrl));
}

TEST_F(KeeperTest, AListFromTheFutureDoesNotReplaceACurrentOne) {
    start();
    keep(kUrl);
    keeper->refresh(kUrl);
    server.next().done(ca.crl(kNow + 1h, kNow + kDay).value());
    EXPECT_THAT(listener->next("crl.failed"), HasSubstr("future"));
    EXPECT_EQ(state().this_update, kNow - 1h);
}

// The answer about a certificate is asked for by POST, kept, refreshed, and gone with it.
TEST_F(KeeperTest, AnOcspAnswerIsFetchedAheadKeptAndForgottenWithItsCertificate) {
    const test::Made issuer = test::issuer_of(ca);
    const auto leaf =
        test::make_certificate(
            {.not_after = kNow + kDay * 3,
             .extensions = {{"authorityInfoAccess", "OCSP;URI:http://ocsp.example/"}}},
            &issuer)
            .certificate;
    start();
    keeper->want_answer(leaf->ocsp_urls.front(), leaf, ca.root());
    const auto request = server.next();
    EXPECT_EQ(request.url, "http://ocsp.example/");
    EXPECT_EQ(request.body, ocsp_request(leaf, ca.root()));
    request.done(test::make_ocsp({}, leaf, issuer, issuer));
    listener->next("crl.fetched");
    EXPECT_EQ(keeper->book()->look_up(leaf, ca.root(), kNow, 0ms).state, State::Good);
    EXPECT_EQ(state().about, "CN=test");
    start();
    EXPECT_EQ(keeper->book()->look_up(leaf, ca.root(), kNow, 0ms).state, State::Good);
    keeper.reset();
    clock.advance(kDay * 4);
    start();
    EXPECT_TRUE(keeper->lists().empty());
    EXPECT_EQ(file(".want"), "");
}

TEST_F(KeeperTest, ADamagedOcspAnswerOnDiskIsFetchedAnew) {
    const test::Made issuer = test::issuer_of(ca);
    const auto leaf = test::make_certificate({}, &issuer).certificate;
    start();
    keeper->want_answer("http://ocsp.example/", leaf, ca.root());
    server.next().done(test::make_ocsp({}, leaf, issuer, issuer));
    listener->next("crl.fetched");
    keeper.reset();
    overwrite(".crl", "garbage");
    start();
    EXPECT_FALSE(state().loaded);
    EXPECT_EQ(server.next().url, "http://ocsp.example/");
}

// RFC 5280 5.2.6: where the deltas are, the list says.
TEST_F(KeeperTest, TheDeltasThatAListNamesAreWanted) {
    const test::Made issuer = test::issuer_of(ca);
    start();
    keeper->want(kUrl, ca.root());
    server.next().done(test::make_crl(
        {.extensions = {{"freshestCRL", "URI:http://crl.example/delta.crl"}}}, issuer));
    listener->next("crl.fetched");
    EXPECT_EQ(server.next().url, "http://crl.example/delta.crl");
    EXPECT_EQ(keeper->lists().size(), 2U);
}

// EX-27: after a restart the book is there before the first session, whatever the network does.
TEST_F(KeeperTest, AListIsThereAfterARestartBeforeAnythingIsFetched) {
    start();
    keep(kUrl);
    start();
    EXPECT_TRUE(has(kUrl));
    EXPECT_TRUE(state().loaded);
    EXPECT_EQ(state().issuer, "CN=Woodgrove Root");
    EXPECT_EQ(state().this_update, kNow - 1h);
}

TEST_F(KeeperTest, AWantWhoseListNeverCameIsFetchedAfterARestart) {
    start();
    keeper->want(kUrl, ca.root());
    server.next();
    start();
    EXPECT_EQ(server.next().url, kUrl);
}

TEST_F(KeeperTest, ADamagedListOnDiskIsFetchedAnew) {
    start();
    keep(kUrl);
    keeper.reset();
    auto impostor = test::new_authority("Woodgrove Root");
    for (const std::string& content : {std::string("garbage"), std::string(), list_of(impostor)}) {
        overwrite(".crl", content);
        start();
        EXPECT_FALSE(has(kUrl));
        EXPECT_EQ(server.next().url, kUrl);
    }
}

TEST_F(KeeperTest, ADamagedWantOnDiskIsReportedAndForgotten) {
    for (const std::string& content :
         {std::string("garbage"), std::string(), kUrl + "\n", kUrl + "\ngarbage\n",
          "http://other.example/a.crl\n" + ca.root().pem()}) {
        start();
        keep(kUrl);
        keeper.reset();
        overwrite(".want", content);
        start();
        listener->next("damaged file forgotten");
        EXPECT_TRUE(keeper->lists().empty()) << content;
        EXPECT_EQ(file(".want"), "");
        EXPECT_EQ(file(".crl"), "");
    }
}

// EX-32: lists are at HTTP or LDAP distribution points; nothing else is asked for anything.
TEST_F(KeeperTest, OnlyAddressesThatCanBeFetchedAreWanted) {
    start();
    for (const std::string& url :
         {std::string(), std::string("file:///etc/passwd"), std::string("ftp://a.example/a.crl"),
          std::string("a.crl"), std::string("http//a"), std::string("ldap:///cn=x"),
          "http://a.example/" + std::string(2048, 'a')}) {
        keeper->want(url, ca.root());
    }
    EXPECT_TRUE(keeper->lists().empty());
    for (const char* url : {"http://a.example/a.crl", "HTTPS://a.example/a.crl",
                            "ldap://a.example/cn=x", "ldaps://a.example/cn=x"}) {
        keeper->want(url, ca.root());
        EXPECT_EQ(server.next().url, url);
    }
}

TEST_F(KeeperTest, NoMoreThanAThousandListsAreKept) {
    start();
    for (int i = 0; i <= 1000; ++i) {
        keeper->want("http://crl.example/" + std::to_string(i), ca.root());
    }
    EXPECT_EQ(keeper->lists().size(), 1000U);
    EXPECT_THAT(listener->next("crl.failed"), HasSubstr("http://crl.example/1000"));
    keeper->want("http://crl.example/1001", ca.root());
    EXPECT_FALSE(listener->has_heard("crl.failed")) << "told once";
    EXPECT_EQ(keeper->lists().size(), 1000U);
}

// A partner's CA that names a thousand lists takes no room from what the operator named.
TEST_F(KeeperTest, WhatTheConfigurationNamesAlwaysHasRoom) {
    start();
    for (int i = 0; i < 1000; ++i) {
        keeper->want("http://crl.example/" + std::to_string(i), ca.root());
    }
    keeper->name({{.url = kUrl, .issuer = ca.root()}});
    const auto lists = keeper->lists();
    EXPECT_EQ(lists.size(), 1000U);
    EXPECT_TRUE(is_among(lists, kUrl));
}

TEST_F(KeeperTest, WhatFailsGoesBeforeAnythingElse) {
    start();
    keeper->want("http://crl.example/dead", ca.root());
    server.next().done(fault(FaultKind::Network, "fetching", "connection refused"));
    listener->next("crl.failed");
    for (int i = 0; i < 999; ++i) {
        keeper->want("http://crl.example/" + std::to_string(i), ca.root());
    }
    keeper->want(kUrl, ca.root());
    const auto lists = keeper->lists();
    EXPECT_TRUE(is_among(lists, kUrl));
    EXPECT_FALSE(is_among(lists, "http://crl.example/dead"));
}

// A mistyped address in a partner's file is gone once it is out of the file.
TEST_F(KeeperTest, WhatNeverCameAndIsNoLongerNamedIsForgotten) {
    start();
    const std::string dead = "http://crl.example/mistyped";
    keeper->name({{.url = dead, .issuer = ca.root()}, {.url = kUrl, .issuer = ca.root()}});
    for (int i = 0; i < 2; ++i) {
        const auto request = server.next();
        if (request.url == kUrl) {
            request.done(list_of(ca));
            listener->next("crl.fetched");
        } else {
            request.done(fault(FaultKind::Network, "fetching", "connection refused"));
            listener->next("crl.failed");
        }
    }
    keeper->name({{.url = dead, .issuer = ca.root()}});
    EXPECT_EQ(keeper->lists().size(), 2U) << "named still, and what is there stays";
    keeper->name({});
    ASSERT_EQ(keeper->lists().size(), 1U);
    EXPECT_EQ(keeper->lists().front().url, kUrl);
    start();
    EXPECT_EQ(keeper->lists().size(), 1U) << "also on disk";
}

class KeeperAnswersTest : public KeeperTest {
  protected:
    static std::string url(int number) {
        return "http://ocsp.example/" + std::to_string(number) + "/";
    }

    void want(int from, int until) {
        for (int i = from; i < until; ++i) keeper->want_answer(url(i), leaf, ca.root());
    }

    // The answers that come are good until then.
    void answer(int count, Time until) {
        for (int i = 0; i < count; ++i) {
            const auto request = server.next();
            request.done(test::make_ocsp({.next_update = until}, leaf, issuer, issuer));
            listener->next("crl.fetched");
        }
    }

    int kept(bool answers) const {
        const auto all = keeper->lists();
        return static_cast<int>(std::ranges::count(
            all, answers, [](const ListState& state) { return !state.about.empty(); }));
    }

    bool is_kept(int number) const { return names(keeper->lists(), url(number)); }

    static bool names(const std::vector<ListState>& states, const std::string& url) {
        return std::ranges::find(states, url, &ListState::url) != states.end();
    }

    long files() const {
        return std::distance(std::filesystem::directory_iterator(options.directory), {});
    }

    const test::Made issuer = test::issuer_of(ca);
    const x509::Certificate leaf = test::make_certificate({}, &issuer).certificate;
};

TEST_F(KeeperAnswersTest, NoMoreThanTwoHundredAnswersAreKeptAndTheOneThatEndsFirstGoes) {
    start();
    want(0, 1);
    answer(1, kNow + kDay * 2);
    want(1, 2);
    answer(1, kNow + kDay);
    want(2, 200);
    answer(198, kNow + kDay * 2);
    EXPECT_EQ(kept(true), 200);
    want(200, 201);
    EXPECT_EQ(kept(true), 200);
    EXPECT_FALSE(is_kept(1)) << "it ends first";
    EXPECT_TRUE(is_kept(200));
    EXPECT_THAT(listener->next("crl.failed"), HasSubstr(url(1)));
    want(201, 400);
    EXPECT_EQ(kept(true), 200);
    EXPECT_TRUE(is_kept(0)) << "what has not come yet goes before what is there";
    EXPECT_TRUE(is_kept(399));
    EXPECT_FALSE(listener->has_heard("crl.failed")) << "told once";
}

TEST_F(KeeperAnswersTest, AnswersNeverDisplaceLists) {
    start();
    want(0, 300);
    for (int i = 0; i < 1000; ++i) {
        keeper->want("http://crl.example/" + std::to_string(i), ca.root());
    }
    EXPECT_EQ(kept(false), 1000);
    EXPECT_EQ(kept(true), 0) << "all in all a thousand";
    want(300, 301);
    EXPECT_EQ(kept(false), 1000);
    EXPECT_EQ(kept(true), 0);
}

// The answer of one that was forgotten on its way leaves nothing behind.
TEST_F(KeeperAnswersTest, AnAnswerThatIsForgottenLeavesNoFile) {
    start();
    want(0, 200);
    std::vector<FakeServer::Request> requests;
    while (requests.size() < 200) requests.push_back(server.next());
    want(200, 201);
    requests.push_back(server.next());
    const auto kept_now = keeper->lists();
    EXPECT_EQ(kept_now.size(), 200U);
    for (const FakeServer::Request& request : requests) {
        request.done(test::make_ocsp({}, leaf, issuer, issuer));
        if (names(kept_now, request.url)) listener->next("crl.fetched");
    }
    keeper.reset();
    EXPECT_EQ(files(), 400) << "a want and an answer each";
    start();
    EXPECT_EQ(kept(true), 200);
}

TEST_F(KeeperTest, AnAnswerAfterTheEndIsDropped) {
    start();
    keeper->want(kUrl, ca.root());
    const auto request = server.next();
    keeper.reset();
    request.done(list_of(ca));
    EXPECT_EQ(file(".crl"), "");
}

// What a certificate names as its place cannot reach into our files.
TEST_F(KeeperTest, AnAddressWithLineEndsCannotPutAnIssuerIntoOurFiles) {
    start();
    auto impostor = test::new_authority("Impostor");
    const std::string url = kUrl + "\n" + impostor.root().pem().substr(0, 900);
    keeper->want(url, ca.root());
    EXPECT_TRUE(keeper->lists().empty());
}

TEST_F(KeeperTest, ADirectoryThatCannotBeMadeIsAFault) {
    home.write("state", "a file");
    const auto made = Keeper::start(options, server.fetch(), clock, observe::Log(listener));
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().text(), HasSubstr("state"));
}

}  // namespace
}  // namespace valija::revocation
