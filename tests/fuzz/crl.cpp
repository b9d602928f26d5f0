// Revocation lists: only what the issuer signed loads, and it holds what the issuer wrote.
#include "fuzz/check.hpp"
#include "fuzz/issuer.hpp"
#include "trust/revocation/book.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace valija;
    static const auto issuer = x509::Certificate::from_pem(fuzz::kIssuer).value().front();
    const auto index = revocation::CrlIndex::load(fuzz::text_of(data, size), issuer);
    if (!index) {
        CHECK_THAT(index.error().kind == FaultKind::Input);
        return 0;
    }
    const auto entry = index->find("\x10\x01");  // the serial of the one leaf
    CHECK_THAT(index->size() == 1 && entry && entry->reason == 1);
    CHECK_THAT(index->issuer_sha256() == issuer->sha256);
    CHECK_THAT(index->this_update() < index->next_update() && !index->find(""));
    return 0;
}
