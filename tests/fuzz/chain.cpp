// Several certificates in one file (each with its length before it): the first ones are anchors,
// the next the leaf, then the rest. Whatever they are, the search ends, and what it says is whole.
#include <algorithm>

#include "fuzz/check.hpp"
#include "trust/x509/anchors.hpp"

namespace {

using valija::x509::Anchors;
using valija::x509::Certificate;
using valija::x509::Path;
using valija::x509::PathQuestion;

// Two octets of length, then the DER.
std::vector<Certificate> certificates_in(std::string_view bytes) {
    std::vector<Certificate> all;
    while (bytes.size() >= 2 && all.size() < 20) {
        const size_t length = static_cast<size_t>(static_cast<unsigned char>(bytes[0])) * 256 +
                              static_cast<unsigned char>(bytes[1]);
        bytes.remove_prefix(2);
        if (const auto one = Certificate::from_der(bytes.substr(0, length))) all.push_back(*one);
        bytes.remove_prefix(std::min(length, bytes.size()));
    }
    return all;
}

void check(const Path& path, const std::vector<Certificate>& presented, const Anchors& anchors) {
    CHECK_THAT(!path.problems.empty() || !path.certificates.empty());
    for (const auto& problem : path.problems) {
        CHECK_THAT(path.certificates.empty() || problem.depth < path.certificates.size());
        CHECK_THAT(!problem.text.in(valija::Language::Spanish).empty());
    }
    if (!path.certificates.empty()) CHECK_THAT(path.certificates.front() == presented.front());
    if (path.problems.empty()) {
        const auto& known = anchors.certificates();
        CHECK_THAT(std::ranges::find(known, path.certificates.back()) != known.end());
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::vector<Certificate> all = certificates_in(valija::fuzz::text_of(data + 1, size - 1));
    const size_t trusted = std::min<size_t>(data[0] % 4, all.size());
    const auto anchors =
        Anchors::from_certificates({all.begin(), all.begin() + static_cast<long>(trusted)});
    CHECK_THAT(anchors.has_value());
    all.erase(all.begin(), all.begin() + static_cast<long>(trusted));
    PathQuestion question{.at = valija::from_millis(1'760'000'000'000),
                          .purpose = valija::x509::Purpose::Server};
    const Path loose = anchors->find_path(all, question);
    if (!all.empty()) check(loose, all, *anchors);
    question.rules = valija::x509::Rules::WebPki;
    const Path strict = anchors->find_path(all, question);
    if (!all.empty()) check(strict, all, *anchors);
    // Each rule of RFC 5280 is one of the Web PKI too, but for common names beside a dNSName.
    CHECK_THAT(!strict.problems.empty() || loose.problems.empty() ||
               !all.front()->dns_names.empty());
    return 0;
}
