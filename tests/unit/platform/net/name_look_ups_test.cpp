// PTR with forward confirmation (CI-31) and TLSA with aliases (RFC 7672 2.2.2), on raw answers.
#include "platform/net/internal/name_look_ups.hpp"

#include <gmock/gmock.h>

#include <map>

#include "support/run.hpp"

namespace valija::net::internal {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using State = Raw::State;

std::string wire(const std::string& name) {
    std::string out;
    std::string label;
    for (const char c : name + ".") {
        if (c != '.') {
            label += c;
        } else {
            out += static_cast<char>(label.size()) + label;
            label.clear();
        }
    }
    return out + '\0';
}

const std::string kFour = "\xC0\x00\x02\x01"s;  // 192.0.2.1

Raw data(std::vector<std::string> records, bool secure, std::string canonical = {}) {
    Raw raw;
    raw.state = State::Data;
    raw.data = std::move(records);
    raw.secure = secure;
    raw.canonical_name = std::move(canonical);
    return raw;
}

Raw failed(State state) {
    Raw raw;
    raw.state = state;
    raw.cause = "SERVFAIL";
    return raw;
}

// Answers by name (with its final dot) and type; else NOERROR without data, signed as `secure`.
struct Zone {
    std::map<std::pair<std::string, int>, Raw> answers;
    bool secure = true;
    std::vector<std::string> asked;
    bool stopped = false;

    Task<Result<std::vector<Raw>>> ask(std::string name, std::vector<int> types, Duration) {
        if (stopped) co_return fault(FaultKind::Stopped, "looking up " + name, "stopped");
        std::vector<Raw> raws;
        for (const int type : types) {
            const auto found = answers.find({name, type});
            raws.push_back(found == answers.end() ? data({}, secure) : found->second);
            asked.push_back(name + " " + std::to_string(type));
        }
        co_return raws;
    }

    Asker asker() {
        return [this](std::string name, std::vector<int> types, Duration deadline) {
            return ask(std::move(name), std::move(types), deadline);
        };
    }

    TlsaAnswer tlsa(const std::string& host) {
        return valija::test::run(look_up_tlsa(asker(), host, 25, 1s)).value();
    }

    Result<Answer<PtrName>> ptr(const std::string& address) {
        return valija::test::run(look_up_ptr(asker(), address, 1s));
    }
};

const std::string kRecord = "\x03\x01\x01"s + std::string(32, 'd');

TEST(LookUpTlsa, SecureRecordsOfASecureHostCount) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, true);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({kRecord, kRecord}, true);
    const auto found = zone.tlsa("mx.example");
    EXPECT_EQ(found.state, TlsaState::Secure);
    EXPECT_EQ(found.base_domain, "mx.example");
    ASSERT_EQ(found.records.size(), 2U);
    EXPECT_EQ(found.records[0].usage, 3U);
    EXPECT_EQ(found.records[0].data, std::string(32, 'd'));
}

TEST(LookUpTlsa, AHostThatIsNotSignedIsNotAskedFor) {
    Zone zone;
    zone.secure = false;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, false);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({kRecord}, true);
    const auto answer = zone.tlsa("mx.example");
    EXPECT_EQ(answer.state, TlsaState::None);
    EXPECT_THAT(answer.cause, HasSubstr("not signed"));
    EXPECT_THAT(zone.asked, testing::Not(testing::Contains(HasSubstr("_25"))));
}

TEST(LookUpTlsa, RecordsWithoutValidationAreInsecure) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, true);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({kRecord}, false);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Insecure);
}

TEST(LookUpTlsa, NoRecordIsNoneAndAFailureNeverIs) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, true);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::None);
    for (const State state : {State::Bogus, State::Failed, State::Silent}) {
        zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = failed(state);
        EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Failed);
    }
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({"\x03\x01"}, true);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Failed) << "malformed";
    zone.answers[{"mx.example.", type_a}] = failed(State::Bogus);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Failed);
}

// RFC 7672 2.2.2: the name that secure aliases lead to comes first, then the host itself.
TEST(LookUpTlsa, SecureAliasesAreExpanded) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, true, "Real.Example");
    zone.answers[{"_25._tcp.real.example.", type_tlsa}] = data({kRecord}, true);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({kRecord}, true);
    EXPECT_EQ(zone.tlsa("mx.example").base_domain, "real.example");
    zone.answers.erase({"_25._tcp.real.example.", type_tlsa});
    EXPECT_EQ(zone.tlsa("mx.example").base_domain, "mx.example");
    zone.answers[{"_25._tcp.real.example.", type_tlsa}] = failed(State::Bogus);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Failed)
        << "a failure at the first name does not lead to the second";
}

TEST(LookUpTlsa, OfAliasesThatEndUnsignedTheFirstNameCountsIfItsAliasIsSigned) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, false, "real.example");
    zone.answers[{"_25._tcp.real.example.", type_tlsa}] = data({kRecord}, true);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] = data({kRecord}, true);
    zone.answers[{"mx.example.", type_cname}] = data({wire("real.example")}, true);
    EXPECT_EQ(zone.tlsa("mx.example").base_domain, "mx.example");
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Secure);
    zone.answers[{"mx.example.", type_cname}] = data({wire("real.example")}, false);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::None);
    zone.answers[{"mx.example.", type_cname}] = failed(State::Failed);
    EXPECT_EQ(zone.tlsa("mx.example").state, TlsaState::Failed);
}

TEST(LookUpTlsa, BoundsAndBadNames) {
    Zone zone;
    zone.answers[{"mx.example.", type_a}] = data({kFour}, true);
    zone.answers[{"_25._tcp.mx.example.", type_tlsa}] =
        data(std::vector<std::string>(300, kRecord), true);
    EXPECT_EQ(zone.tlsa("mx.example").records.size(), 100U);
    const auto bad = valija::test::run(look_up_tlsa(zone.asker(), "a..b", 25, 1s));
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind, FaultKind::Input);
    zone.stopped = true;
    const auto stopped = valija::test::run(look_up_tlsa(zone.asker(), "mx.example", 25, 1s));
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, FaultKind::Stopped);
}

std::vector<std::string> names_of(const Result<Answer<PtrName>>& answer) {
    std::vector<std::string> all;
    for (const PtrName& ptr : answer->records) {
        all.push_back(ptr.name + (ptr.confirmed ? " yes" : " no"));
    }
    return all;
}

// CI-31: A(PTR(IP)) = IP.
TEST(LookUpPtr, CI31ANameIsConfirmedWhereItLeadsBackToTheAddress) {
    Zone zone;
    zone.answers[{"1.2.0.192.in-addr.arpa.", type_ptr}] =
        data({wire("MX0a.host.example"), wire("forged.example"), wire("dead.example")}, false);
    zone.answers[{"mx0a.host.example.", type_a}] = data({"\xC0\x00\x02\x07"s, kFour}, false);
    zone.answers[{"forged.example.", type_a}] = data({"\xC0\x00\x02\x02"s}, false);
    zone.answers[{"dead.example.", type_a}] = failed(State::Failed);
    zone.answers[{"dead.example.", type_aaaa}] = failed(State::Failed);
    EXPECT_THAT(names_of(zone.ptr("192.0.2.1")),
                ElementsAre("mx0a.host.example yes", "forged.example no", "dead.example no"));
}

TEST(LookUpPtr, IPv6IsConfirmedAlike) {
    Zone zone;
    const std::string name =
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";
    zone.answers[{name, type_ptr}] = data({wire("mx6.example")}, false);
    zone.answers[{"mx6.example.", type_aaaa}] =
        data({"\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"}, false);
    EXPECT_THAT(names_of(zone.ptr("2001:DB8:0:0::1")), ElementsAre("mx6.example yes"));
}

TEST(LookUpPtr, AtMostFiveNamesAndOnlyHostNames) {
    Zone zone;
    std::vector<std::string> many = {wire("not a host.example")};
    for (int i = 0; i < 9; ++i) many.push_back(wire("h" + std::to_string(i) + ".example"));
    zone.answers[{"1.2.0.192.in-addr.arpa.", type_ptr}] = data(many, false);
    EXPECT_EQ(zone.ptr("192.0.2.1")->records.size(), 5U);
    EXPECT_EQ(zone.ptr("192.0.2.1")->records[0].name, "h0.example");
}

TEST(LookUpPtr, WhatIsNoAddressIsNotAskedAndFailuresAreFaults) {
    Zone zone;
    for (const char* bad : {"", "host.example", "192.0.2", "192.0.2.1/24"}) {
        const auto answer = zone.ptr(bad);
        ASSERT_FALSE(answer) << bad;
        EXPECT_EQ(answer.error().kind, FaultKind::Input);
    }
    zone.answers[{"1.2.0.192.in-addr.arpa.", type_ptr}] = failed(State::Bogus);
    EXPECT_FALSE(zone.ptr("192.0.2.1"));
    zone.answers[{"1.2.0.192.in-addr.arpa.", type_ptr}] = data({"\x05"
                                                                "ab"},
                                                               false);
    EXPECT_FALSE(zone.ptr("192.0.2.1")) << "malformed";
}

}  // namespace
}  // namespace valija::net::internal
