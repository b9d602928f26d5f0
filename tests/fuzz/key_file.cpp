// Files of certificates and keys: PEM, DER, PKCS#7, PKCS#12 (the password of the corpus is "pass").
#include "trust/keystore/key_file.hpp"

#include "fuzz/check.hpp"
#include "trust/keystore/metadata.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    namespace keystore = valija::keystore;
    const std::string_view bytes = valija::fuzz::text_of(data, size);
    if (const auto metadata = keystore::parse_metadata(bytes)) {
        const auto again = keystore::parse_metadata(keystore::metadata_text(*metadata));
        CHECK_THAT(again.has_value() && again->services == metadata->services);
        CHECK_THAT(again->friendly_name == metadata->friendly_name);
    }
    const auto file = keystore::read_key_file(bytes, "pass");
    if (!file) {
        CHECK_THAT(!file.error().text().empty());
        return 0;
    }
    CHECK_THAT(file->key || !file->certificates.empty());
    for (const auto& certificate : file->certificates) {
        const auto chain = keystore::ordered_chain(certificate, file->certificates);
        CHECK_THAT(!chain.empty() && chain.size() <= 10 && chain.front() == certificate);
    }
    return 0;
}
