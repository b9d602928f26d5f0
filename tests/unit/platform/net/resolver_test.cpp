#include "platform/net/resolver.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <thread>

#include "platform/base/text.hpp"
#include "platform/net/internal/dns_data.hpp"
#include "platform/net/loops.hpp"
#include "platform/net/task_group.hpp"
#include "support/run.hpp"

namespace valija::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using internal::type_a;
using internal::type_aaaa;
using internal::type_mx;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string wire(const std::string& name) {
    std::string out;
    std::string label;
    for (char const c : name + ".") {
        if (c != '.') {
            label += c;
        } else if (!label.empty()) {
            out += static_cast<char>(label.size()) + label;
            label.clear();
        }
    }
    return out + '\0';
}

std::string sixteen(size_t number) {
    return {static_cast<char>(number >> 8U & 0xFFU), static_cast<char>(number & 0xFFU)};
}

std::string mx_data(size_t preference, const std::string& host) {
    return sixteen(preference) + wire(host);
}

struct Response {
    int rcode = 0;
    std::vector<std::string> data;  // records of the type asked for
    std::string alias;              // a CNAME before them
    bool silent = false;
};

// A name server on a thread of its own; what it has no answer for is NOERROR without data.
class NameServer {
  public:
    using Zone = std::map<std::pair<std::string, int>, Response>;

    explicit NameServer(Zone zone)
        : zone_(std::move(zone)), socket_(loop_, {asio::ip::address_v4::loopback(), 0}) {
        receive();
        thread_ = std::thread([this] { loop_.run(); });
    }

    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    ~NameServer() {
        loop_.stop();
        thread_.join();
    }

    std::string address() const {
        return fmt::format("127.0.0.1@{}", socket_.local_endpoint().port());
    }

  private:
    void receive() {
        buffer_.resize(4096);
        socket_.async_receive_from(asio::buffer(buffer_), from_,
                                   [this](const boost::system::error_code& error, size_t size) {
                                       if (error) return;
                                       respond(buffer_.substr(0, size));
                                       receive();
                                   });
    }

    void respond(const std::string& query) {
        size_t at = 12;
        std::string name;
        while (query.at(at) != 0) {
            auto const length = static_cast<unsigned char>(query.at(at));
            name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
            at += length + 1;
        }
        int const type = static_cast<unsigned char>(query.at(at + 2));
        auto const found = zone_.find({lower(name), type});
        auto const response = found == zone_.end() ? Response() : found->second;
        if (response.silent) return;
        auto const question = query.substr(12, at + 5 - 12);
        auto const count = response.data.size() + (response.alias.empty() ? 0 : 1);
        auto out = query.substr(0, 2) + '\x81' + static_cast<char>(0x80 | response.rcode) +
                   sixteen(1) + sixteen(count) + sixteen(0) + sixteen(0) + question;
        auto owner = wire(name);
        if (!response.alias.empty()) {
            out += record(owner, 5, wire(response.alias));
            owner = wire(response.alias);
        }
        for (auto const& data : response.data) out += record(owner, type, data);
        boost::system::error_code error;
        socket_.send_to(asio::buffer(out), from_, 0, error);
    }

    static std::string record(const std::string& owner, int type, const std::string& data) {
        return owner + sixteen(static_cast<size_t>(type)) + sixteen(1) + sixteen(0) + sixteen(60) +
               sixteen(data.size()) + data;
    }

    Zone zone_;
    asio::io_context loop_{1};
    udp::socket socket_;
    udp::endpoint from_;
    std::string buffer_;
    std::thread thread_;
};

const std::string six = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01";
const std::string four = "\xc0\xa8\x02\x01";

NameServer::Zone zone() {
    Response many;
    for (size_t i = 0; i < 30; ++i)
        many.data.push_back(mx_data(90 - i, fmt::format("mx{}.example.com", i)));
    return {
        {{"contoso.com", type_mx},
         {.rcode = 0,
          .data = {mx_data(20, "b.contoso.com"), mx_data(10, "A.Contoso.com")},
          .alias = {}}},
        {{"null.example.com", type_mx}, {.rcode = 0, .data = {mx_data(0, "")}, .alias = {}}},
        {{"many.example.com", type_mx}, many},
        {{"none.example.com", type_mx}, {.rcode = 3, .data = {}, .alias = {}}},
        {{"none.example.com", type_a}, {.rcode = 3, .data = {}, .alias = {}}},
        {{"none.example.com", type_aaaa}, {.rcode = 3, .data = {}, .alias = {}}},
        {{"broken.example.com", type_mx}, {.rcode = 2, .data = {}, .alias = {}}},
        {{"refused.example.com", type_mx}, {.rcode = 5, .data = {}, .alias = {}}},
        {{"silent.example.com", type_mx}, {.rcode = 0, .data = {}, .alias = {}, .silent = true}},
        {{"mail.contoso.com", type_a}, {.rcode = 0, .data = {four}, .alias = {}}},
        {{"mail.contoso.com", type_aaaa}, {.rcode = 0, .data = {six}, .alias = {}}},
        {{"alias.contoso.com", type_a}, {.rcode = 0, .data = {four}, .alias = "mail.contoso.com"}},
        {{"alias.contoso.com", type_aaaa}, {.rcode = 0, .data = {}, .alias = "mail.contoso.com"}},
        {{"half.contoso.com", type_a}, {.rcode = 0, .data = {four}, .alias = {}}},
        {{"half.contoso.com", type_aaaa}, {.rcode = 0, .data = {}, .alias = {}, .silent = true}},
        {{"empty.contoso.com", type_aaaa}, {.rcode = 2, .data = {}, .alias = {}}},
        {{"mail.woodgrove.test", type_a}, {.rcode = 0, .data = {four}, .alias = {}}},
        {{"1.2.0.192.in-addr.arpa", type_mx},
         {.rcode = 0, .data = {mx_data(1, "x.test")}, .alias = {}}},
    };
}

class ResolverTest : public testing::Test {
  protected:
    std::unique_ptr<Resolver> make(Duration deadline) {
        auto resolver = make_resolver({.forward = server.address(), .deadline = deadline});
        EXPECT_TRUE(resolver) << resolver.error().text();
        return std::move(*resolver);
    }

    Result<Answer<MxRecord>> mx(const std::string& name) { return test::run(patient->mx(name)); }

    Result<Answer<std::string>> addresses(const std::string& name) {
        return test::run(patient->addresses(name));
    }

    NameServer server{zone()};
    std::unique_ptr<Resolver> patient = make(seconds(60));
    std::unique_ptr<Resolver> hasty = make(milliseconds(300));
};

std::vector<std::string> text(const std::vector<MxRecord>& records) {
    std::vector<std::string> out;
    out.reserve(records.size());
    for (auto const& record : records)
        out.push_back(fmt::format("{} {}", record.preference, record.host));
    return out;
}

TEST_F(ResolverTest, MxRecordsComeInLowerCaseByPreference) {
    auto const answer = mx("contoso.com");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_THAT(text(answer->records), ElementsAre("10 a.contoso.com", "20 b.contoso.com"));
    EXPECT_TRUE(answer->exists);
    EXPECT_FALSE(answer->secure);
    EXPECT_EQ(answer->canonical_name, "contoso.com");
}

TEST_F(ResolverTest, TheNullMxHasAnEmptyHost) {
    auto const answer = mx("null.example.com");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_THAT(text(answer->records), ElementsAre("0 "));
}

TEST_F(ResolverTest, TheBestTwentyOfManyAreKept) {
    auto const answer = mx("many.example.com");
    ASSERT_TRUE(answer) << answer.error().text();
    ASSERT_EQ(answer->records.size(), 20U);
    EXPECT_EQ(answer->records.front().preference, 61U);
    EXPECT_EQ(answer->records.back().preference, 80U);
}

TEST_F(ResolverTest, NoSuchNameAndNoDataAreAnswers) {
    auto const none = mx("none.example.com");
    ASSERT_TRUE(none) << none.error().text();
    EXPECT_FALSE(none->exists);
    EXPECT_THAT(none->records, IsEmpty());
    EXPECT_FALSE(addresses("none.example.com")->exists);

    auto const empty = mx("other.example.com");
    ASSERT_TRUE(empty) << empty.error().text();
    EXPECT_TRUE(empty->exists);
    EXPECT_THAT(empty->records, IsEmpty());
}

TEST_F(ResolverTest, AFailingServerIsAFault) {
    for (auto const* const name : {"broken.example.com", "refused.example.com"}) {
        auto const answer = mx(name);
        ASSERT_FALSE(answer) << name;
        EXPECT_EQ(answer.error().kind, FaultKind::Network);
        EXPECT_EQ(answer.error().text(), fmt::format("looking up the MX of {}: SERVFAIL", name));
    }
}

TEST_F(ResolverTest, SilenceIsATimeoutAtTheDeadline) {
    auto const before = std::chrono::steady_clock::now();
    auto const answer = test::run(hasty->mx("silent.example.com"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, FaultKind::Timeout);
    EXPECT_EQ(answer.error().doing, "looking up the MX of silent.example.com");
}

TEST_F(ResolverTest, AddressesAreSixThenFour) {
    auto const answer = addresses("mail.contoso.com");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_THAT(answer->records, ElementsAre("2001:db8::1", "192.168.2.1"));
}

TEST_F(ResolverTest, AliasesAreFollowedAndNamed) {
    auto const answer = addresses("ALIAS.contoso.com");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->canonical_name, "mail.contoso.com");
    EXPECT_THAT(answer->records, testing::Contains("192.168.2.1"));
}

TEST_F(ResolverTest, HalfAnAnswerWillDoIfItHoldsAddresses) {
    auto const half = test::run(hasty->addresses("half.contoso.com"));
    ASSERT_TRUE(half) << half.error().text();
    EXPECT_THAT(half->records, ElementsAre("192.168.2.1"));
    EXPECT_FALSE(addresses("empty.contoso.com")) << "nothing is known, so nothing may be concluded";
}

TEST_F(ResolverTest, NamesOfLaboratoriesAndPrivateNetsAreForwardedToo) {
    EXPECT_THAT(addresses("mail.woodgrove.test")->records, ElementsAre("192.168.2.1"));
    EXPECT_THAT(text(mx("1.2.0.192.in-addr.arpa")->records), ElementsAre("1 x.test"));
}

TEST_F(ResolverTest, WhatIsNoHostNameIsNotAsked) {
    for (auto const* const name : {"", "a..b", "a b", "x\\y", "-\x01"}) {
        EXPECT_EQ(mx(name).error().kind, FaultKind::Input) << name;
        EXPECT_EQ(addresses(name).error().kind, FaultKind::Input) << name;
    }
}

Task<void> ask_silence(Resolver* resolver, std::atomic<int>* stopped) {
    auto const answer = co_await resolver->mx("silent.example.com");
    if (!answer && answer.error().kind == FaultKind::Stopped) ++*stopped;
}

Task<void> ask_many(Resolver* resolver, int count, std::atomic<int>* good) {
    for (int i = 0; i < count; ++i) {
        auto const answer = co_await resolver->addresses("mail.contoso.com");
        if (answer && answer->records.size() == 2) ++*good;
    }
}

TEST_F(ResolverTest, SeveralLoopsAskAtOnce) {
    Loops loops(2);
    TaskGroup group("test", 100, observe::Log(observe::make_null_sink()));
    std::atomic<int> good = 0;
    for (int i = 0; i < 20; ++i) {
        group.spawn(loops.next().get_executor(), ask_many(patient.get(), 20, &good));
    }
    loops.run();
    group.drain(seconds(60));
    EXPECT_EQ(good, 400);
}

TEST_F(ResolverTest, ACancelledTaskEndsAtOnce) {
    Loops loops(2);
    TaskGroup group("test", 100, observe::Log(observe::make_null_sink()));
    std::atomic<int> stopped = 0;
    for (int i = 0; i < 20; ++i) {
        group.spawn(loops.next().get_executor(), ask_silence(patient.get(), &stopped));
    }
    loops.run();
    group.drain(milliseconds(20));
    EXPECT_EQ(stopped, 20);
}

TEST_F(ResolverTest, ItsEndEndsTheLookUpsInFlight) {
    Loops loops(2);
    TaskGroup group("test", 100, observe::Log(observe::make_null_sink()));
    std::atomic<int> stopped = 0;
    for (int i = 0; i < 20; ++i) {
        group.spawn(loops.at(0).get_executor(), ask_silence(patient.get(), &stopped));
    }
    loops.at(0).poll();  // all have asked
    patient.reset();
    loops.run();
    group.drain(seconds(60));
    EXPECT_EQ(stopped, 20);
}

TEST_F(ResolverTest, ALoopMayEndBeforeItsAnswers) {
    std::atomic<int> stopped = 0;
    {
        asio::io_context loop(1);
        for (int i = 0; i < 20; ++i) test::start(loop, ask_silence(patient.get(), &stopped));
        loop.poll();
    }
    patient.reset();
    EXPECT_EQ(stopped, 0);
}

TEST(Resolver, ADeadServerIsAFaultByTheDeadline) {
    auto resolver = make_resolver({.forward = "127.0.0.1@1", .deadline = milliseconds(300)});
    ASSERT_TRUE(resolver);
    EXPECT_FALSE(test::run((*resolver)->mx("contoso.com")));
}

TEST(Resolver, AMalformedForwarderIsAFaultAtOnce) {
    EXPECT_FALSE(make_resolver({.forward = "ns.contoso.com", .deadline = seconds(1)}));
    EXPECT_FALSE(make_resolver({.forward = "127.0.0.1:53", .deadline = seconds(1)}));
}

TEST(Resolver, StartsWithTheSystemsSettings) { EXPECT_TRUE(make_resolver({})); }

TEST(DnsData, MalformedRecordsAreNotData) {
    using namespace std::string_literals;
    EXPECT_EQ(internal::parse_mx("\0\x0a\1a\0"s)->host, "a");
    for (auto const& data :
         {""s, "\0\x0a"s, "\0\x0a\1a"s, "\0\x0a\5a\0"s, "\0\x0a\1a\0x"s, "\0\x0a\xc0\x0c"s}) {
        EXPECT_FALSE(internal::parse_mx(data));
    }
    EXPECT_EQ(internal::parse_mx("\0\x0a\3a.b\1\\\0"s)->host, "a\\046b.\\092");
    EXPECT_FALSE(internal::parse_address("123"));
    EXPECT_FALSE(internal::parse_address("12345"));
}

internal::Raw raw(internal::Raw::State state, std::vector<std::string> data, bool secure) {
    internal::Raw out;
    out.state = state;
    out.data = std::move(data);
    out.secure = secure;
    out.cause = "signature expired";
    return out;
}

TEST(DnsData, ABogusAnswerIsAFaultAndNeverData) {
    using State = internal::Raw::State;
    auto const bogus = raw(State::Bogus, {mx_data(1, "evil.example")}, false);
    auto const answer = internal::mx_answer("contoso.com", bogus);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, FaultKind::Forged);
    EXPECT_THAT(answer.error().cause, HasSubstr("fails validation: signature expired"));

    auto const good = raw(State::Data, {four}, true);
    EXPECT_FALSE(internal::address_answer("x.example", bogus, good));
    EXPECT_FALSE(internal::address_answer("x.example", good, bogus));
}

TEST(DnsData, AddressesAreSecureOnlyIfBothAnswersAre) {
    using State = internal::Raw::State;
    auto const secure = raw(State::Data, {four}, true);
    EXPECT_TRUE(internal::address_answer("x.example", raw(State::Data, {}, true), secure)->secure);
    EXPECT_FALSE(
        internal::address_answer("x.example", raw(State::Data, {}, false), secure)->secure);
    EXPECT_FALSE(
        internal::address_answer("x.example", raw(State::Failed, {}, false), secure)->secure);
}

}  // namespace
}  // namespace valija::net
