#include "trust/keystore/internal/custody_desk.hpp"

#include <openssl/rsa.h>

#include <algorithm>

#include "trust/keystore/key_file.hpp"
#include "trust/x509/native.hpp"

namespace valija::keystore::internal {
namespace {

constexpr size_t kMostKept = 1000;
constexpr auto kKept = std::chrono::hours(1);

Answer failed(Fault fault) {
    Answer answer;
    answer.fault = std::move(fault);
    return answer;
}

Answer refused(std::string doing, std::string cause) {
    return failed({FaultKind::Input, std::move(doing), std::move(cause)});
}

const EVP_MD* digest_of(Hash hash) {
    return hash == Hash::Sha256 ? EVP_sha256() : hash == Hash::Sha384 ? EVP_sha384() : EVP_sha512();
}

bool is_prepared(EVP_PKEY_CTX* context, const Ask& ask) {
    if (EVP_PKEY_sign_init(context) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, digest_of(ask.hash)) != 1) {
        return false;
    }
    switch (ask.padding) {
        case Padding::None:
            return true;
        case Padding::Pkcs1:
            return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
        case Padding::Pss:
            return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    return false;
}

Result<std::string> signature_of(const KeyHandle& key, const Ask& ask) {
    const x509::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_pkey(nullptr, key.native(), nullptr));
    const auto* digest = reinterpret_cast<const unsigned char*>(ask.bytes.data());
    size_t size = 0;
    if (!context || !is_prepared(context.get(), ask) ||
        EVP_PKEY_sign(context.get(), nullptr, &size, digest, ask.bytes.size()) != 1) {
        return x509::native_fault(FaultKind::System, "signing");
    }
    std::string signature(size, '\0');
    if (EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                      digest, ask.bytes.size()) != 1) {
        return x509::native_fault(FaultKind::System, "signing");
    }
    signature.resize(size);
    return signature;
}

Answer with_public_half(const Result<KeyHandle>& key) {
    if (!key) return failed(key.error());
    auto bytes = key->public_bytes();
    if (!bytes) return failed(bytes.error());
    Answer answer;
    answer.bytes = std::move(*bytes);
    return answer;
}

Answer plain(const Result<void>& done) { return done ? Answer() : failed(done.error()); }

void cleanse(std::string& secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

}  // namespace

std::string CustodyDesk::answer(std::string_view message, SteadyTime now) {
    auto ask = decode_ask(message);
    if (!ask) return encode(refused("asking for a key", "the message cannot be read"));
    Answer given = done(*ask, now);
    cleanse(ask->bytes);
    cleanse(ask->password);
    return encode(given);
}

Answer CustodyDesk::done(const Ask& ask, SteadyTime now) {
    if (ask.call == Call::Sign) return sign(ask, now);
    if (duties_ == Duties::OnlySigning && ask.call != Call::Open && ask.call != Call::List) {
        return refused("asking the custody of the keys",
                       "for a server it only signs; the rest is for `valija certificate`");
    }
    std::scoped_lock const lock(vault_use_);
    switch (ask.call) {
        case Call::Sign:
            break;
        case Call::Open:
            return open(ask, now);
        case Call::Create:
            return with_public_half(vault_.create(ask.name, ask.type, ask.may));
        case Call::Import:
            return with_public_half(vault_.import(ask.name, ask.bytes, ask.password, ask.may));
        case Call::Read:
            return examine(ask);
        case Call::Seal:
            return seal(ask);
        case Call::List: {
            auto names = vault_.list();
            if (!names) return failed(names.error());
            Answer answer;
            answer.texts = std::move(*names);
            return answer;
        }
        case Call::Remove:
            return plain(vault_.remove(ask.name));
        case Call::Locate:
            return with_public_half(vault_.locate(ask.bytes));
        case Call::Attach:
            return with_public_half(vault_.attach(ask.name, ask.bytes));
    }
    return refused("asking for a key", "there is no such call");
}

Answer CustodyDesk::sign(const Ask& ask, SteadyTime now) {
    if (ask.bytes.size() != size_of(ask.hash)) {
        return refused("signing", "the digest has not the length of its kind");
    }
    const auto key = key_of(ask, now);
    if (!key) return failed(key.error());
    auto signature = signature_of(*key, ask);
    if (!signature) return failed(signature.error());
    Answer answer;
    answer.bytes = std::move(*signature);
    return answer;
}

// The key with this id: kept, or read once more under its name (this process may be younger than
// the handle that asks).
Result<KeyHandle> CustodyDesk::key_of(const Ask& ask, SteadyTime now) {
    {
        std::scoped_lock const lock(kept_use_);
        if (const auto found = kept_.find(ask.id); found != kept_.end()) {
            found->second.used = now;
            return found->second.key;
        }
    }
    std::scoped_lock const lock(vault_use_);
    auto key = vault_.open(ask.name);
    if (!key) return key;
    if (key->id() != ask.id) {
        return fault(FaultKind::Input, "signing with the key of " + ask.name,
                     "there is another key under this name now");
    }
    keep(ask.id, *key, now);
    return key;
}

void CustodyDesk::keep(const std::string& id, const KeyHandle& key, SteadyTime now) {
    std::scoped_lock const lock(kept_use_);
    std::erase_if(kept_, [now](const auto& one) { return now - one.second.used > kKept; });
    if (kept_.size() == kMostKept) {
        kept_.erase(
            std::ranges::min_element(kept_, {}, [](const auto& one) { return one.second.used; }));
    }
    kept_.insert_or_assign(id, Kept{.key = key, .used = now});
}

Answer CustodyDesk::open(const Ask& ask, SteadyTime now) {
    const auto key = vault_.open(ask.name);
    Answer answer = with_public_half(key);
    if (answer.fault) return answer;
    const auto may = vault_.may_leave(ask.name);
    if (!may) return failed(may.error());
    answer.may = *may;
    keep(key->id(), *key, now);
    return answer;
}

Answer CustodyDesk::examine(const Ask& ask) {
    auto file = vault_.examine(ask.bytes, ask.password);
    if (!file) return failed(file.error());
    Answer answer;
    if (file->key) answer = with_public_half(*file->key);
    if (answer.fault) return answer;
    answer.format = std::move(file->format);
    answer.texts = std::move(file->notes);
    for (const x509::Certificate& one : file->certificates) answer.chain.push_back(one.der());
    return answer;
}

Answer CustodyDesk::seal(const Ask& ask) {
    SealedCopy copy{.chain = {}, .friendly_name = ask.friendly_name, .password = ask.password};
    for (const std::string& der : ask.chain) {
        auto one = x509::Certificate::from_der(der);
        if (!one) return failed(one.error());
        copy.chain.push_back(std::move(*one));
    }
    auto sealed = vault_.export_sealed(ask.name, copy);
    cleanse(copy.password);
    if (!sealed) return failed(sealed.error());
    Answer answer;
    answer.bytes = std::move(*sealed);
    return answer;
}

}  // namespace valija::keystore::internal
