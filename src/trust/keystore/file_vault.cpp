// The vault whose keys are files of this process.
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include <algorithm>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"
#include "trust/keystore/key_file.hpp"
#include "trust/keystore/vault.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore {
namespace {

constexpr std::string_view kSuffix = ".key";
constexpr std::string_view kExportable = "exportable: yes\n";  // what stands before the block
constexpr size_t kLongestName = 100;
constexpr int kSealRounds = 100'000;

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

Result<KeyHandle> new_key(KeyType type) {
    EVP_PKEY* key = nullptr;
    switch (type) {
        case KeyType::P256:
            key = EVP_EC_gen("P-256");
            break;
        case KeyType::P384:
            key = EVP_EC_gen("P-384");
            break;
        case KeyType::Rsa2048:
            key = EVP_RSA_gen(2048);
            break;
        case KeyType::Rsa4096:
            key = EVP_RSA_gen(4096);
            break;
    }
    if (key == nullptr) return x509::native_fault(FaultKind::System, "making a key");
    return KeyHandle(std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free));
}

// The text of a key file; the caller cleanses it.
Result<std::string> file_text(const KeyHandle& key, Export may) {
    const x509::BioOwner bio(BIO_new(BIO_s_secmem()));
    if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.native(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1) {
        return x509::native_fault(FaultKind::System, "writing a key");
    }
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &bytes);
    std::string text;
    text.reserve(kExportable.size() + static_cast<size_t>(length));  // no copy is left behind
    if (may == Export::Allowed) text += kExportable;
    text.append(bytes, static_cast<size_t>(length));
    return text;
}

struct FreeCertificates {
    void operator()(STACK_OF(X509) * all) const { sk_X509_free(all); }
};

Result<std::string> sealed(const KeyHandle& key, const SealedCopy& copy) {
    const std::unique_ptr<STACK_OF(X509), FreeCertificates> others(sk_X509_new_null());
    for (size_t i = 1; i < copy.chain.size(); ++i) {
        if (sk_X509_push(others.get(), copy.chain[i].native()) == 0) {
            return x509::native_fault(FaultKind::System, "making a PKCS#12 file");
        }
    }
    const x509::Owned<PKCS12, PKCS12_free> made(PKCS12_create(
        copy.password.c_str(), copy.friendly_name.empty() ? nullptr : copy.friendly_name.c_str(),
        key.native(), copy.chain.front().native(), others.get(), NID_aes_256_cbc, NID_aes_256_cbc,
        kSealRounds, -1, 0));
    if (!made || PKCS12_set_mac(made.get(), copy.password.c_str(), -1, nullptr, 0, kSealRounds,
                                EVP_sha256()) != 1) {
        return x509::native_fault(FaultKind::System, "making a PKCS#12 file");
    }
    return x509::der_of<i2d_PKCS12>(made.get(), "making a PKCS#12 file");
}

class FileVault final : public KeyVault {
  public:
    explicit FileVault(std::string directory) : directory_(std::move(directory)) {}

    Result<KeyHandle> create(const std::string& name, KeyType type, Export may) override {
        auto key = new_key(type);
        return key ? keep(name, std::move(*key), may) : key;
    }

    Result<KeyHandle> import(const std::string& name, std::string_view file,
                             std::string_view password, Export may) override {
        auto read = read_key_file(file, password);
        if (!read) return std::unexpected(read.error());
        if (!read->key) {
            return fault(FaultKind::Input, "importing a key", "there is no private key in it");
        }
        return keep(name, std::move(*read->key), may);
    }

    Result<KeyFile> examine(std::string_view file, std::string_view password) override {
        return read_key_file(file, password);
    }

    Result<KeyHandle> locate(const std::string& /*uri*/) override { return no_token(); }

    Result<KeyHandle> attach(const std::string& /*name*/, const std::string& /*uri*/) override {
        return no_token();
    }

    Result<KeyHandle> open(const std::string& name) override {
        auto text = read(name);
        if (!text) return std::unexpected(text.error());
        auto key = parse_key(*text, file_of(name));
        OPENSSL_cleanse(text->data(), text->size());
        return key;
    }

    Result<KeyHandle> key_for(const std::string& name, const x509::Certificate& leaf) override {
        auto key = open(name);
        return key && !key->belongs_to(leaf) ? not_its_key(name) : key;
    }

    Result<Export> may_leave(const std::string& name) override {
        auto text = read(name);
        if (!text) return std::unexpected(text.error());
        const bool is_marked = text->starts_with(kExportable);
        OPENSSL_cleanse(text->data(), text->size());
        return is_marked ? Export::Allowed : Export::Never;
    }

    Result<std::string> export_sealed(const std::string& name, const SealedCopy& copy) override {
        const auto may = may_leave(name);
        if (!may) return std::unexpected(may.error());
        if (*may == Export::Never) {
            return fault(FaultKind::Input, "exporting the key of " + name,
                         "it is not exportable: that was decided when it was made or imported");
        }
        if (copy.password.empty()) {
            return fault(FaultKind::Input, "exporting the key of " + name, "no password");
        }
        if (copy.chain.empty()) {
            return fault(FaultKind::Input, "exporting the key of " + name, "no certificate");
        }
        auto key = key_for(name, copy.chain.front());
        return key ? sealed(*key, copy) : Result<std::string>(std::unexpected(key.error()));
    }

    Result<std::vector<std::string>> list() override {
        auto files = store::list_files(directory_, kSuffix);
        if (!files) return files;
        for (std::string& file : *files) file.resize(file.size() - kSuffix.size());
        return files;
    }

    Result<void> remove(const std::string& name) override {
        if (!is_key_name(name)) return fault(FaultKind::Input, "removing a key", "not a name");
        auto removed = store::remove_file(path_of(name));
        return removed ? store::sync_directory(directory_) : removed;
    }

  private:
    static std::unexpected<Fault> no_token() {
        return fault(FaultKind::Input, "looking for a key on a token", "keys are files here");
    }

    static std::string file_of(const std::string& name) { return name + std::string(kSuffix); }

    // In custody the directory is the process's own: its name there tells a reader nothing.
    std::string path_of(const std::string& name) const {
        return directory_ == "." ? file_of(name) : directory_ + "/" + file_of(name);
    }

    Result<std::string> read(const std::string& name) const {
        if (!is_key_name(name)) return fault(FaultKind::Input, "reading a key", "not a name");
        return store::read_file(path_of(name), kLargestKeyFile);
    }

    Result<KeyHandle> keep(const std::string& name, KeyHandle key, Export may) const {
        if (!is_key_name(name)) return fault(FaultKind::Input, "keeping a key", "not a name");
        struct stat found{};
        if (::lstat(path_of(name).c_str(), &found) == 0) {
            return fault(FaultKind::Input, "keeping a key", file_of(name) + " is there already");
        }
        auto text = file_text(key, may);
        if (!text) return std::unexpected(text.error());
        const auto written = store::write_file(path_of(name), *text, 0600);
        OPENSSL_cleanse(text->data(), text->size());
        if (!written) return std::unexpected(written.error());
        return key;
    }

    std::string directory_;
};

}  // namespace

bool is_key_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
           !name.contains('/') && !name.contains('\0');
}

std::unexpected<Fault> not_its_key(const std::string& name) {
    return fault(FaultKind::Input, "reading " + name + std::string(kSuffix),
                 "it is not the key of the certificate in " + name + ".crt");
}

std::optional<KeyType> key_type_of(std::string_view word) {
    if (word == "p256") return KeyType::P256;
    if (word == "p384") return KeyType::P384;
    if (word == "rsa2048") return KeyType::Rsa2048;
    if (word == "rsa4096") return KeyType::Rsa4096;
    return std::nullopt;
}

std::unique_ptr<KeyVault> make_file_vault(std::string directory) {
    return std::make_unique<FileVault>(std::move(directory));
}

}  // namespace valija::keystore
