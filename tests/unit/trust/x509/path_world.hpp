// Chains for the table tests of path building: root > issuing > leaf, each made otherwise by a row.
#pragma once

#include <gmock/gmock.h>

#include <functional>

#include "support/certificates.hpp"

namespace valija::x509::test_world {

using namespace std::chrono_literals;
using test::CertificateSpec;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::NamedExtension;

// As a public CA makes them, so that Rules::WebPki has nothing against them either.
struct World {
    CertificateSpec root{.subject = {{"CN", "Root"}}, .extensions = test::of_authority()};
    CertificateSpec issuing{.subject = {{"CN", "Issuing"}}, .extensions = test::of_authority()};
    CertificateSpec leaf{.subject = {{"CN", "mail.example.com"}},
                         .extensions = {{"basicConstraints", "critical,CA:FALSE"},
                                        {"keyUsage", "critical,digitalSignature"},
                                        {"extendedKeyUsage", "serverAuth"},
                                        {"subjectAltName", "DNS:mail.example.com"}}};

    static void set(CertificateSpec& spec, const std::string& name, const std::string& value) {
        std::erase_if(spec.extensions, [&](const NamedExtension& e) { return e.name == name; });
        if (!value.empty()) spec.extensions.push_back({name, value});
    }

    Path find(PathQuestion question) const {
        const Made top = make_certificate(root);
        const Made middle = make_certificate(issuing, &top);
        const Made end = make_certificate(leaf, &middle);
        return test::anchors_of({top.certificate})
            .find_path({end.certificate, middle.certificate}, question);
    }
};

inline std::string told(const Path& path) {
    std::string all;
    for (const PathProblem& problem : path.problems) all += problem.text.english() + "; ";
    return all;
}

inline PathQuestion rfc() { return {.at = kNow, .purpose = Purpose::Server}; }

inline PathQuestion web() {
    return {.at = kNow, .purpose = Purpose::Server, .rules = Rules::WebPki};
}

struct Row {
    const char* what;
    std::function<void(World&)> change;
    bool rfc_holds;
    bool web_holds;
};

inline void run(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        World world;
        row.change(world);
        const Path by_rfc = world.find(rfc());
        EXPECT_EQ(by_rfc.problems.empty(), row.rfc_holds) << row.what << " (RFC): " << told(by_rfc);
        const Path by_web = world.find(web());
        EXPECT_EQ(by_web.problems.empty(), row.web_holds)
            << row.what << " (WebPki): " << told(by_web);
    }
}

}  // namespace valija::x509::test_world
