// EX-26: name constraints (RFC 5280 4.2.1.10), decided to the safe side.
#include "trust/x509/internal/name_constraints.hpp"
#include "path_world.hpp"

namespace valija::x509 {
namespace {

using namespace test_world;

struct Case {
    const char* constraints;  // of the issuing CA
    const char* names;        // SAN of the leaf
    bool holds;
};

bool holds(const std::string& constraints, const std::string& names,
           const std::vector<std::pair<std::string, std::string>>& subject = {{"O", "Example"}}) {
    World world;
    World::set(world.issuing, "nameConstraints", constraints);
    World::set(world.leaf, "subjectAltName", names);
    world.leaf.subject = subject;
    return world.find(rfc()).problems.empty();
}

void run(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        EXPECT_EQ(holds(std::string("critical,") + c.constraints, c.names), c.holds)
            << c.constraints << " / " << c.names;
    }
}

TEST(NameConstraintsTest, HostNames) {
    run({
        {"permitted;DNS:example.com", "DNS:example.com", true},
        {"permitted;DNS:example.com", "DNS:foo.bar.example.com", true},
        {"permitted;DNS:EXAMPLE.com", "DNS:Foo.Example.COM", true},
        {"permitted;DNS:example.com", "DNS:not-example.com", false},
        {"permitted;DNS:example.com", "DNS:example.com,DNS:example.org", false},
        {"excluded;DNS:example.com", "DNS:foo.example.com", false},
        {"excluded;DNS:example.com", "DNS:notexample.com", true},
        {"excluded;DNS:b.example.com", "DNS:a.example.com,DNS:b.example.com", false},
        {"permitted;DNS:example.com,excluded;DNS:example.com", "DNS:example.com", false},
        {"permitted;DNS:a.example,permitted;DNS:b.example", "DNS:b.example", true},
        {"permitted;DNS:example.com", "IP:192.0.2.1", true},
        {"permitted;DNS:example.com", "DNS:.example.com", false},
        {"permitted;DNS:example.com", "DNS:a..example.com", false},
        {"permitted;DNS:example.com", "DNS:example.com.", false},
        {"excluded;DNS:example.org", "DNS:exa mple.com", false},
        {"permitted;DNS:.example.com", "DNS:foo.example.com", false},
        {"permitted;DNS:*.example.com", "DNS:foo.example.com", false},
    });
}

// A wildcard stands for each host it covers.
TEST(NameConstraintsTest, Wildcards) {
    run({
        {"permitted;DNS:example.com", "DNS:*.example.com", true},
        {"permitted;DNS:foo.example.com", "DNS:*.example.com", false},
        {"permitted;DNS:example.com,excluded;DNS:bar.example.com", "DNS:*.example.com", false},
        {"excluded;DNS:a.bar.example.com", "DNS:*.example.com", true},
        {"excluded;DNS:example.com", "DNS:*.example.com", false},
        {"excluded;DNS:example.com", "DNS:*.com", false},
        {"permitted;DNS:example.com", "DNS:*.com", false},
        {"permitted;DNS:example.com", "DNS:f*.example.com", false},
        {"permitted;DNS:example.com", "DNS:a.*.example.com", false},
    });
}

TEST(NameConstraintsTest, Addresses) {
    run({
        {"permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.1", true},
        {"permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.3.1", false},
        {"excluded;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.1", false},
        {"excluded;IP:192.0.2.0/255.255.255.0", "IP:192.0.3.1", true},
        {"permitted;IP:192.0.2.0/255.255.255.0", "IP:2001:db8::1", false},
        {"permitted;IP:192.0.2.0/255.255.255.0", "DNS:example.com", true},
        {"excluded;IP:0.0.0.0/0.0.0.0", "IP:2001:db8::1", true},
        {"permitted;IP:192.0.2.0/255.0.255.0", "IP:192.0.2.1", false},
        {"permitted;IP:192.0.2.0/255.255.253.0", "IP:192.0.2.1", false},
        {"excluded;IP:198.51.100.0/0.255.255.0", "IP:192.0.2.1", false},
    });
}

TEST(NameConstraintsTest, MailboxesAndUris) {
    run({
        {"permitted;email:foo@example.com", "email:foo@EXAMPLE.com", true},
        {"permitted;email:foo@example.com", "email:Foo@example.com", false},
        {"permitted;email:example.com", "email:foo@example.com", true},
        {"permitted;email:example.com", "email:foo@mail.example.com", false},
        {"permitted;email:.example.com", "email:foo@mail.example.com", true},
        {"permitted;email:.example.com", "email:foo@example.com", false},
        {"permitted;email:example.com", "email:a@b@example.com", false},
        {"permitted;email:a@b@example.com", "email:a@example.com", false},
        {"permitted;URI:example.com", "URI:https://example.com/x", true},
        {"permitted;URI:example.com", "URI:https://www.example.com/x", false},
        {"permitted;URI:.example.com", "URI:https://u@www.example.com:443/x", true},
        {"excluded;URI:example.com", "URI:https://192.0.2.1/", false},
        {"excluded;URI:example.com", "URI:urn:isbn:1", false},
        {"permitted;email:example.com", "DNS:example.org", true},
    });
}

TEST(NameConstraintsTest, FormsThatCannotBeComparedAreRefusedWhereTheyAppear) {
    run({
        {"excluded;otherName:1.2.3.4;UTF8:x", "otherName:1.2.3.4;UTF8:y", false},
        {"excluded;otherName:1.2.3.4;UTF8:x", "DNS:example.com", true},
        {"excluded;RID:1.2.3.4", "RID:1.2.3.5", false},
        {"permitted;DNS:example.com", "DNS:example.com,otherName:1.2.3.4;UTF8:y", true},
    });
}

// The subject and the mailboxes in it are names too; a CN is one for partners (semantics 2.2).
TEST(NameConstraintsTest, NamesInTheSubject) {
    const std::string dns = "critical,permitted;DNS:example.com";
    EXPECT_TRUE(holds(dns, "DNS:a.example.com", {{"CN", "b.example.com"}}));
    EXPECT_FALSE(holds(dns, "DNS:a.example.com", {{"CN", "b.example.org"}}));
    EXPECT_TRUE(holds(dns, "DNS:a.example.com", {{"CN", "Mail Server"}}));
    EXPECT_TRUE(holds(dns, "DNS:a.example.com", {{"CN", "192.0.2.1"}}));
    EXPECT_TRUE(holds(dns, "DNS:a.example.com", {{"CN", "label"}}));
    const std::string mail = "critical,permitted;email:example.com";
    EXPECT_FALSE(holds(mail, "DNS:a.example", {{"emailAddress", "a@example.org"}}));
    EXPECT_TRUE(holds(mail, "DNS:a.example", {{"emailAddress", "a@example.com"}}));
    // [4] { SEQUENCE { SET { SEQUENCE { O, UTF8String "Example" } } } } permitted
    const std::string directory =
        "critical,DER:30:1A:A0:18:30:16:A4:14:30:12:31:10:30:0E:06:03:55:04:0A:0C:07:45:78:61:6D:"
        "70:"
        "6C:65";
    EXPECT_TRUE(holds(directory, "DNS:a.example", {{"O", "Example"}, {"CN", "x"}}));
    EXPECT_TRUE(holds(directory, "DNS:a.example", {{"O", "EXAMPLE "}, {"CN", "x"}}));
    EXPECT_FALSE(holds(directory, "DNS:a.example", {{"O", "Other"}, {"CN", "x"}}));
    EXPECT_FALSE(holds(directory, "DNS:a.example", {{"CN", "x"}, {"O", "Example"}}));
}

TEST(NameConstraintsTest, WhatIsMalformedRefusesEverythingBelow) {
    for (const char* der :
         {"DER:30:00", "DER:30:02:A0:00", "DER:30:04:A0:00:A1:00", "DER:05:00",
          // minimum 1; an IPv4 address without a mask
          "DER:30:0A:A0:08:30:06:82:01:61:80:01:01", "DER:30:0A:A0:08:30:06:87:04:7F:00:00:01"}) {
        EXPECT_FALSE(holds(std::string("critical,") + der, "DNS:a.example")) << der;
    }
}

// With names from the SAN only, a CN beside it is no name; without a SAN it might be read as one.
TEST(NameConstraintsTest, ACommonNameCountsForTheWebPkiOnlyWhereThereIsNoSan) {
    World world;
    World::set(world.issuing, "nameConstraints", "critical,permitted;DNS:example.com");
    World::set(world.leaf, "subjectAltName", "IP:127.0.0.1");
    world.leaf.subject = {{"CN", "other.example.org"}};
    EXPECT_EQ(told(world.find(web())), "");
    EXPECT_NE(told(world.find(rfc())), "");
    World::set(world.leaf, "subjectAltName", "");
    EXPECT_THAT(told(world.find(web())), testing::HasSubstr("other.example.org"));
}

// The Cisco profiles read a wildcard in the CN: what reads it must find it constrained.
TEST(NameConstraintsTest, AWildcardInTheCommonNameIsConstrainedToo) {
    World world;
    World::set(world.issuing, "nameConstraints", "critical,permitted;DNS:example.com");
    World::set(world.leaf, "subjectAltName", "");
    world.leaf.subject = {{"CN", "*.example.org"}};
    EXPECT_THAT(told(world.find(rfc())), testing::HasSubstr("*.example.org"));
    world.leaf.subject = {{"CN", "*.example.com"}};
    EXPECT_EQ(told(world.find(rfc())), "");
    World::set(world.issuing, "nameConstraints", "critical,excluded;DNS:a.example.com");
    EXPECT_THAT(told(world.find(rfc())), testing::HasSubstr("*.example.com"));
}

// The rule of a CA far above counts, and permits of CAs narrow each other.
TEST(NameConstraintsTest, EveryCaAboveIsHeard) {
    World world;
    World::set(world.leaf, "subjectAltName", "DNS:a.example.com");
    world.leaf.subject = {{"O", "x"}};
    World::set(world.root, "nameConstraints", "critical,permitted;DNS:b.example.com");
    World::set(world.issuing, "nameConstraints", "critical,permitted;DNS:example.com");
    EXPECT_NE(told(world.find(rfc())), "");
    World::set(world.root, "nameConstraints", "critical,permitted;DNS:example.com");
    EXPECT_EQ(told(world.find(rfc())), "");
    World::set(world.issuing, "subjectAltName", "DNS:example.org");
    EXPECT_NE(told(world.find(rfc())), "") << "names of intermediates count";
    world.issuing.subject = world.root.subject;
    EXPECT_EQ(told(world.find(rfc())), "") << "but not of self-issued ones";
}

// Work is counted also where nothing is compared.
TEST(NameConstraintsTest, EachNameCostsSomethingWhateverItsForm) {
    internal::NameConstraints constraints;
    constraints.excluded.add({internal::NameForm::Dns, "example.com", {}});
    internal::Names names;
    for (int i = 0; i < 100; ++i) names.alternative.add({internal::NameForm::Uri, "u", {}});
    size_t budget = 1000;
    EXPECT_FALSE(find_violation(constraints, names, true, budget));
    EXPECT_EQ(budget, 900U);
    budget = 100;
    const auto found = find_violation(constraints, names, true, budget);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->english(), testing::HasSubstr("too many names and name constraints"));
}

// 10,000 constraints on 10,000 names: an end is put to it.
TEST(NameConstraintsTest, ABombIsRefusedSoon) {
    World world;
    std::string constraints = "critical";
    std::string names;
    for (int i = 0; i < 1500; ++i) {
        constraints += ",excluded;DNS:x" + std::to_string(i) + ".test";
        names += (names.empty() ? "DNS:t" : ",DNS:t") + std::to_string(i) + ".test";
    }
    World::set(world.issuing, "nameConstraints", constraints);
    World::set(world.leaf, "subjectAltName", names);
    PathQuestion question = rfc();
    question.bounds.bytes = 1UL << 20U;
    const std::clock_t before = std::clock();
    const Path path = world.find(question);
    EXPECT_THAT(told(path), testing::HasSubstr("too many names and name constraints"));
    EXPECT_LT(std::clock() - before, 5 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace valija::x509
