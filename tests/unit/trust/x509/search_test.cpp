// EX-24, EX-26: the search for a path, with alternatives and within bounds.
#include "path_world.hpp"

namespace valija::x509 {
namespace {

using namespace test_world;

CertificateSpec authority(const std::string& name, const std::vector<NamedExtension>& more = {},
                          const std::string& constraints = "CA:TRUE") {
    return {.subject = {{"CN", name}}, .extensions = test::of_authority(more, constraints)};
}

CertificateSpec leaf_spec() { return World().leaf; }

bool holds(const std::vector<Made>& anchors, const std::vector<Made>& presented,
           const PathQuestion& question = rfc()) {
    std::vector<Certificate> trusted;
    std::vector<Certificate> shown;
    for (const Made& made : anchors) trusted.push_back(made.certificate);
    for (const Made& made : presented) shown.push_back(made.certificate);
    return test::anchors_of(trusted).find_path(shown, question).problems.empty();
}

// An issuing CA with two certificates of the same name and key, one of which is bad: in any order
// the other one is found.
TEST(Search, ABadCertificateOfAnIssuerDoesNotHideAGoodOne) {
    const Made root = make_certificate(authority("Root"));
    const Made good = make_certificate(authority("Issuing"), &root);
    const Made leaf = make_certificate(leaf_spec(), &good);
    const auto bad_one = [&](CertificateSpec spec) {
        spec.subject_key = good.key;
        return make_certificate(spec, &root);
    };
    CertificateSpec expired = authority("Issuing");
    expired.not_after = kNow - 1h;
    CertificateSpec sha1 = authority("Issuing");
    sha1.digest = EVP_sha1();
    for (const CertificateSpec& spec :
         {expired, sha1,
          authority("Issuing", {{"nameConstraints", "critical,permitted;DNS:bad.example.com"}}),
          authority("Issuing", {{"extendedKeyUsage", "emailProtection"}}),
          authority("Issuing", {}, "CA:FALSE"),
          authority("Issuing", {{"1.2.3.4", "critical,DER:05:00"}})}) {
        const Made bad = bad_one(spec);
        EXPECT_FALSE(holds({root}, {leaf, bad}));
        EXPECT_TRUE(holds({root}, {leaf, bad, good}));
        EXPECT_TRUE(holds({root}, {leaf, good, bad}));
    }
}

TEST(Search, IssuersOfTheSameNameWithOtherKeysArePassedBy) {
    const Made root = make_certificate(authority("Root"));
    const Made good = make_certificate(authority("Issuing"), &root);
    std::vector<Made> presented = {make_certificate(leaf_spec(), &good)};
    for (int i = 0; i < 7; ++i) presented.push_back(make_certificate(authority("Issuing"), &root));
    presented.push_back(good);
    EXPECT_TRUE(holds({root}, presented));
}

// The chain that an expired root once broke: leaf < root A, and root A < root B (expired).
TEST(Search, AnAnchorIsPreferredToALongerWay) {
    const Made a = make_certificate(authority("A"));
    const Made b = make_certificate(authority("B"));
    CertificateSpec cross = authority("A");
    cross.subject_key = a.key;
    cross.not_after = kNow - 1h;
    const Made leaf = make_certificate(leaf_spec(), &a);
    EXPECT_TRUE(holds({a, b}, {leaf, make_certificate(cross, &b)}));
}

// A, B and C have certified each other; A is trusted.
TEST(Search, CirclesOfAuthoritiesEnd) {
    const Made a = make_certificate(authority("A"));
    const Made b = make_certificate(authority("B"));
    const Made c = make_certificate(authority("C"));
    const auto crossed = [&](const std::string& name, const Made& of, const Made& by) {
        CertificateSpec spec = authority(name);
        spec.subject_key = of.key;
        return make_certificate(spec, &by);
    };
    const Made a1 = make_certificate(authority("A1"), &a);
    const Made leaf = make_certificate(leaf_spec(), &a1);
    const std::vector<Made> presented = {leaf,
                                         a1,
                                         crossed("A", a, b),
                                         crossed("A", a, c),
                                         crossed("B", b, a),
                                         crossed("B", b, c),
                                         crossed("C", c, a),
                                         crossed("C", c, b)};
    EXPECT_TRUE(holds({a}, presented));
    const Made stranger = make_certificate(authority("Stranger"));
    EXPECT_FALSE(holds({stranger}, presented));
}

TEST(Search, PathLengthsDoNotCountSelfIssuedOnesNorTheLast) {
    const Made root = make_certificate(authority("Root"));
    const auto chain = [&](const std::vector<CertificateSpec>& specs) {
        std::vector<Made> made = {root};
        for (const CertificateSpec& spec : specs)
            made.push_back(make_certificate(spec, &made.back()));
        std::ranges::reverse(made);
        return made;
    };
    const auto limited = [](const std::string& name, int length) {
        return authority(name, {}, "CA:TRUE,pathlen:" + std::to_string(length));
    };
    const CertificateSpec leaf = leaf_spec();
    EXPECT_TRUE(holds({root}, chain({limited("A", 0), leaf})));
    EXPECT_TRUE(holds({root}, chain({limited("A", 0), limited("B", 0)})));
    EXPECT_FALSE(holds({root}, chain({limited("A", 0), limited("B", 0), leaf})));
    EXPECT_TRUE(holds({root}, chain({limited("A", 1), limited("B", 2), leaf})));
    EXPECT_FALSE(holds({root}, chain({limited("A", 1), limited("B", 0), limited("C", 0), leaf})));
    EXPECT_TRUE(holds({root}, chain({limited("A", 1), limited("A", 1), limited("C", 0), leaf})));
}

TEST(Search, NoMoreIntermediatesThanTheQuestionAllows) {
    const Made root = make_certificate(authority("Root"));
    const Made a = make_certificate(authority("A"), &root);
    const Made b = make_certificate(authority("B"), &a);
    const Made leaf = make_certificate(leaf_spec(), &b);
    PathQuestion question = rfc();
    question.most_intermediates = 2;
    EXPECT_TRUE(holds({root}, {leaf, b, a}, question));
    question.most_intermediates = 1;
    EXPECT_FALSE(holds({root}, {leaf, b, a}, question));
    const Path path = test::anchors_of({root.certificate})
                          .find_path({leaf.certificate, b.certificate, a.certificate}, question);
    EXPECT_THAT(told(path), testing::HasSubstr("more than 1 intermediate CAs"));
}

// A revoked intermediate: the question refuses the path, and the next one is tried.
TEST(Search, TheQuestionMayRefuseAPath) {
    const Made a = make_certificate(authority("A"));
    const Made b = make_certificate(authority("B"));
    const Made by_a = make_certificate(authority("Issuing"), &a);
    CertificateSpec again = authority("Issuing");
    again.subject_key = by_a.key;
    const Made by_b = make_certificate(again, &b);
    const Made leaf = make_certificate(leaf_spec(), &by_a);
    PathQuestion question = rfc();
    question.also = [&](const std::vector<Certificate>& path) {
        return path.back() == b.certificate;
    };
    const Anchors anchors = test::anchors_of({a.certificate, b.certificate});
    const Path path =
        anchors.find_path({leaf.certificate, by_a.certificate, by_b.certificate}, question);
    EXPECT_EQ(told(path), "");
    EXPECT_EQ(path.certificates.back(), b.certificate);
    question.also = [](const std::vector<Certificate>&) { return false; };
    const Path none =
        anchors.find_path({leaf.certificate, by_a.certificate, by_b.certificate}, question);
    ASSERT_EQ(none.problems.size(), 1U);
    EXPECT_EQ(none.problems.front().kind, PathProblemKind::Refused);
}

// Of several paths that fail, the one that lacks least is told.
TEST(Search, TheLeastBadPathIsTold) {
    const Made root = make_certificate(authority("Root"));
    const Made unknown = make_certificate(authority("Unknown"));
    const Made issuing = make_certificate(authority("Issuing"), &unknown);
    CertificateSpec expired = authority("Issuing");
    expired.subject_key = issuing.key;
    expired.not_after = kNow - 1h;
    const Made old = make_certificate(expired, &root);
    const Made leaf = make_certificate(leaf_spec(), &issuing);
    const Path path = test::anchors_of({root.certificate})
                          .find_path({leaf.certificate, issuing.certificate, unknown.certificate,
                                      old.certificate},
                                     rfc());
    ASSERT_EQ(path.problems.size(), 1U) << told(path);
    EXPECT_EQ(path.problems.front().kind, PathProblemKind::Expired);
    EXPECT_EQ(path.certificates.size(), 3U);
}

// Authorities that all have certified each other under one name, and none holds.
TEST(Search, ABombOfAuthoritiesIsPutAnEndTo) {
    const Made root = make_certificate(authority("Root", {}, "CA:TRUE,pathlen:0"));
    std::vector<Made> keys;
    for (int i = 0; i < 10; ++i) keys.push_back(make_certificate(authority("Bomb"), &root));
    std::vector<Certificate> presented = {make_certificate(leaf_spec(), &keys[0]).certificate};
    for (const Made& of : keys) {
        for (const Made& by : keys) {
            CertificateSpec spec =
                authority("Bomb", {{"nameConstraints", "critical,permitted;DNS:bad.example"}});
            spec.subject_key = of.key;
            presented.push_back(make_certificate(spec, &by).certificate);
        }
    }
    for (const Made& made : keys) presented.push_back(made.certificate);
    presented.resize(std::min<size_t>(presented.size(), 110));
    PathQuestion question = rfc();
    question.bounds = kOfflineBounds;
    const Anchors anchors = test::anchors_of({root.certificate});
    const std::clock_t before = std::clock();
    EXPECT_FALSE(anchors.find_path(presented, question).problems.empty());
    EXPECT_LT(std::clock() - before, 5 * CLOCKS_PER_SEC);
}

std::string hexadecimal(std::string_view bytes) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string text = "DER";
    for (const char c : bytes) {
        const auto octet = static_cast<unsigned char>(c);
        text += {':', kDigits[octet / 16], kDigits[octet % 16]};
    }
    return text;
}

// Over 255 octets of content.
std::string long_element(char tag, const std::string& content) {
    return {std::string{tag, '\x82', static_cast<char>(content.size() / 256),
                        static_cast<char>(content.size() % 256)} +
            content};
}

std::string repeated(std::string_view element, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += element;
    return all;
}

// Names of one form, constraints on another, and CAs of one name that lead nowhere: 64 KiB of a
// stranger that were looked at again on each of the many ways.
TEST(Search, ABombOfNamesThatNoConstraintConcernsCostsLittle) {
    using namespace std::string_view_literals;
    const Made root = make_certificate(authority("Root"));
    const Made forger = make_certificate(authority("Forger"));
    const std::string no_host = repeated("\x30\x02\x82\x00"sv, 7000);
    const std::string excluded = long_element('\x30', long_element('\xA1', no_host));
    const std::string names = long_element('\x30', repeated("\x86\x00"sv, 7600));
    CertificateSpec leaf{.subject = {{"CN", "x"}},
                         .extensions = {{"subjectAltName", hexadecimal(names)}}};
    leaf.extensions.front().name = "2.5.29.17";
    std::vector<Certificate> presented = {make_certificate(leaf, &forger).certificate};
    const auto forged = [&](const std::string& issuer, std::vector<NamedExtension> more) {
        const Made by{.certificate = make_certificate(authority(issuer)).certificate,
                      .key = forger.key};
        CertificateSpec spec = authority("Forger", more);
        spec.key_identifiers = false;
        presented.push_back(make_certificate(spec, &by).certificate);
    };
    forged("Forger", {{"2.5.29.30", "critical," + hexadecimal(excluded)}});
    for (int i = 0; i < 7; ++i) forged("Forger", {});
    forged("Root", {});
    for (PathQuestion question : {rfc(), web()}) {
        const std::clock_t before = std::clock();
        const Path path = test::anchors_of({root.certificate}).find_path(presented, question);
        EXPECT_FALSE(path.problems.empty());
        EXPECT_LT(path.problems.size(), 1000U);
        EXPECT_LT(std::clock() - before, 2 * CLOCKS_PER_SEC);
    }
}

// Any odd number is a modulus for one who only checks; nobody signs with it here.
std::shared_ptr<EVP_PKEY> rsa_key(size_t octets) {
    using namespace std::string_literals;
    const std::string modulus = "\x00\x80"s + std::string(octets - 2, '\0') + "\x01"s;
    const std::string key =
        long_element('\x30', long_element('\x02', modulus) + "\x02\x03\x01\x00\x01"s);
    const std::string algorithm = "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00"s;
    const std::string whole =
        long_element('\x30', algorithm + long_element('\x03', std::string(1, '\0') + key));
    const auto* at = reinterpret_cast<const unsigned char*>(whole.data());
    return {d2i_PUBKEY(nullptr, &at, static_cast<long>(whole.size())), EVP_PKEY_free};
}

TEST(Search, RsaKeysThatCostFarMoreThanAnyHonestOneAreNotUsed) {
    World world;
    world.leaf.subject_key = rsa_key(1024);
    ASSERT_TRUE(world.leaf.subject_key);
    EXPECT_EQ(told(world.find(rfc())), "");
    world.leaf.subject_key = rsa_key(1025);
    ASSERT_TRUE(world.leaf.subject_key);
    EXPECT_THAT(told(world.find(rfc())), testing::HasSubstr("parameters that are not accepted"));
}

// certificatePolicies of some of these, by their letters: A = 1.2.3.4, B = 1.2.3.9, * = any.
std::string policies(const std::string& letters) {
    const std::map<char, std::string> ids = {{'A', "30:05:06:03:2A:03:04"},
                                             {'B', "30:05:06:03:2A:03:09"},
                                             {'*', "30:06:06:04:55:1D:20:00"}};
    std::string content;
    for (const char letter : letters) content += ":" + ids.at(letter);
    constexpr char kDigits[] = "0123456789ABCDEF";
    const size_t length = content.size() / 3;
    return letters.empty()
               ? std::string()
               : std::string("DER:30:") + kDigits[length / 16] + kDigits[length % 16] + content;
}

// RFC 5280 6.1: policies, with any wanted; a CA may demand that one holds along the whole chain.
TEST(Policies, HoldAlongTheChainWhereACaDemandsIt) {
    const std::string demand = "critical,requireExplicitPolicy:0";

    struct Case {
        std::string issuing;
        std::string leaf;
        std::vector<NamedExtension> more;  // of the issuing CA
        bool holds;
    };

    const std::vector<Case> cases = {
        {"", "", {}, true},
        {"A", "B", {}, true},
        {"A", "A", {{"policyConstraints", demand}}, true},
        {"A", "B", {{"policyConstraints", demand}}, false},
        {"A", "", {{"policyConstraints", demand}}, false},
        {"", "A", {{"policyConstraints", demand}}, false},
        {"*", "A", {{"policyConstraints", demand}}, true},
        {"A", "*", {{"policyConstraints", demand}}, true},
        {"A", "*", {{"policyConstraints", demand}, {"inhibitAnyPolicy", "critical,0"}}, false},
        {"A", "B", {{"policyConstraints", demand}, {"policyMappings", "1.2.3.4:1.2.3.9"}}, true},
        {"A", "A", {{"policyConstraints", demand}, {"policyMappings", "1.2.3.4:1.2.3.9"}}, false},
        {"A", "A", {{"policyMappings", "1.2.3.4:2.5.29.32.0"}}, false},
        {"A", "A", {{"policyConstraints", "critical,DER:30:00"}}, false},
        {"AA", "", {}, false},
    };
    for (size_t i = 0; i < cases.size(); ++i) {
        World world;
        World::set(world.issuing, "2.5.29.32", policies(cases[i].issuing));
        World::set(world.leaf, "2.5.29.32", policies(cases[i].leaf));
        for (const auto& more : cases[i].more) world.issuing.extensions.push_back(more);
        EXPECT_EQ(world.find(rfc()).problems.empty(), cases[i].holds) << "case " << i;
    }
}

TEST(Policies, ConstraintsThatAreNotCriticalAreRefusedByTheWebPkiOnly) {
    World world;
    World::set(world.issuing, "policyConstraints", "requireExplicitPolicy:3");
    EXPECT_EQ(told(world.find(rfc())), "");
    EXPECT_NE(told(world.find(web())), "");
}

}  // namespace
}  // namespace valija::x509
