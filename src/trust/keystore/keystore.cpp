#include "trust/keystore/keystore.hpp"

#include <openssl/pem.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore {
namespace {

constexpr size_t kLargestFile = 1U << 20U;
constexpr std::string_view kSuffix = ".crt";

// A key that asks for a pass-phrase cannot serve: nobody is there to type it (EX-49).
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

Result<KeyHandle> parse_key(const std::string& pem, const std::string& file) {
    const x509::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    bool asked = false;
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked);
    if (key == nullptr) {
        ERR_clear_error();
        return fault(FaultKind::Input, "reading " + file,
                     asked ? "the key is protected by a pass-phrase; write it without one and "
                             "protect the file instead"
                           : "no PEM private key in it");
    }
    return KeyHandle(std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free));
}

class FileSigner final : public Signer {
  public:
    explicit FileSigner(std::string directory) : directory_(std::move(directory)) {}

    Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) override {
        const std::string file = name + ".key";
        auto pem = store::read_file(directory_ + "/" + file, kLargestFile);
        if (!pem) {
            return std::unexpected(pem.error());
        }
        auto key = parse_key(*pem, file);
        OPENSSL_cleanse(pem->data(), pem->size());
        if (!key) {
            return key;
        }
        if (X509_check_private_key(leaf.native(), key->native()) != 1) {
            ERR_clear_error();
            return fault(FaultKind::Input, "reading " + file,
                         "it is not the key of the certificate in " + name + ".crt");
        }
        return key;
    }

  private:
    std::string directory_;
};

Result<std::shared_ptr<const OwnCertificate>> load_one(const std::string& directory,
                                                       const std::string& file, Signer& signer) {
    const std::string name = file.substr(0, file.size() - kSuffix.size());
    const auto pem = store::read_file(directory + "/" + file, kLargestFile);
    if (!pem) {
        return std::unexpected(pem.error());
    }
    auto chain = x509::Certificate::from_pem(*pem);
    if (!chain) {
        return std::unexpected(chain.error());
    }
    auto key = signer.key_for(name, chain->front());
    if (!key) {
        return std::unexpected(key.error());
    }
    return std::make_shared<const OwnCertificate>(
        OwnCertificate{.name = name, .chain = std::move(*chain), .key = std::move(*key)});
}

// A wildcard stands for one label.
bool covers(std::string_view presented, std::string_view name) {
    if (equal_ignoring_case(presented, name)) {
        return true;
    }
    const size_t dot = name.find('.');
    return presented.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
           equal_ignoring_case(presented.substr(1), name.substr(dot));
}

bool is_for(const OwnCertificate& own, std::string_view name) {
    const x509::Certificate& leaf = own.chain.front();
    const auto matches = [name](const std::string& presented) { return covers(presented, name); };
    return own.name == name || equal_ignoring_case(leaf->thumbprint, name) ||
           equal_ignoring_case(leaf->sha256, name) ||
           std::ranges::any_of(leaf->dns_names, matches) ||
           std::ranges::any_of(leaf->common_names, matches);
}

// Semantics 2.3: valid before not valid, issued by a CA before self-signed, then the newest.
bool is_better(const OwnCertificate& a, const OwnCertificate& b, Time now) {
    const auto rank = [now](const OwnCertificate& own) {
        const x509::Certificate& leaf = own.chain.front();
        const bool valid = leaf->not_before <= now && now <= leaf->not_after;
        return std::tuple(valid, !leaf->self_issued, leaf->not_before);
    };
    return rank(a) > rank(b);
}

}  // namespace

std::unique_ptr<Signer> make_file_signer(std::string directory) {
    return std::make_unique<FileSigner>(std::move(directory));
}

KeyStore KeyStore::load(const std::string& directory, Signer& signer) {
    KeyStore keys;
    const auto files = store::list_files(directory, kSuffix);
    if (!files) {
        keys.problems_.push_back({directory, files.error().text()});
        return keys;
    }
    for (const std::string& file : *files) {
        auto own = load_one(directory, file, signer);
        if (own) {
            keys.all_.push_back(std::move(*own));
        } else {
            keys.problems_.push_back({file, own.error().text()});
        }
    }
    return keys;
}

std::shared_ptr<const OwnCertificate> KeyStore::select(std::string_view name, Time now) const {
    std::shared_ptr<const OwnCertificate> best;
    if (name.empty()) {
        return best;
    }
    for (const auto& own : all_) {
        if (is_for(*own, name) && (!best || is_better(*own, *best, now))) {
            best = own;
        }
    }
    return best;
}

}  // namespace valija::keystore
