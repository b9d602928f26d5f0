// TLSA records, from lines of text and from the wire: what is read is within its bounds, reads back
// as the same when written again, and never fits a certificate by accident.
#include <fmt/format.h>

#include "fuzz/check.hpp"
#include "fuzz/issuer.hpp"
#include "platform/net/internal/dns_data.hpp"
#include "trust/dane/tlsa_text.hpp"
#include "trust/dane/verdict.hpp"

namespace {

using namespace valija;

std::string line_of(const dane::Tlsa& record) {
    return fmt::format("{} {} {} {}\n", record.usage, record.selector, record.matching,
                       hex(record.data));
}

void check(const std::vector<dane::Tlsa>& records) {
    CHECK_THAT(records.size() <= 100);
    std::string text;
    for (const dane::Tlsa& record : records) {
        CHECK_THAT(!record.data.empty() && record.data.size() <= 65536);
        CHECK_THAT(record.usage <= 255 && record.selector <= 255 && record.matching <= 255);
        text += line_of(record);
    }
    const auto again = dane::read_tlsa_lines(text);
    CHECK_THAT(again.has_value() && again->size() == records.size());
    for (size_t i = 0; i < records.size(); ++i) CHECK_THAT((*again)[i].data == records[i].data);
    static const auto certificate = x509::Certificate::from_pem(fuzz::kIssuer).value().front();
    const auto verdict = dane::examine(records, {certificate});
    CHECK_THAT(verdict.kind == dane::VerdictKind::NoneUsable ||
               verdict.kind == dane::VerdictKind::NoMatch ||
               verdict.kind == dane::VerdictKind::TrustAnchor ||
               verdict.kind == dane::VerdictKind::EndEntity);
    CHECK_THAT(verdict.kind != dane::VerdictKind::TrustAnchor || !verdict.anchors.empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    if (const auto records = dane::read_tlsa_lines(bytes)) {
        check(*records);
    }
    if (const auto record = net::internal::parse_tlsa(bytes)) {
        CHECK_THAT(record->data.size() + 3 == size && record->usage <= 255);
    }
    return 0;
}
