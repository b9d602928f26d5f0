#include "trust/x509/anchors.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>

#include "trust/x509/native.hpp"

namespace valija::x509 {

struct Anchors::Store {
    std::vector<Certificate> certificates;
    StoreOwner native;
};

namespace {

constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr size_t kMostPresented = 10;
constexpr size_t kMostBytes = 64UL << 10U;
constexpr int kDeepest = 10;
constexpr int kSecurityLevel = 2;  // 112 bits: RSA 2048, ECC 224, SHA-224

PathProblemKind kind_of(int error) {
    switch (error) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_UNTRUSTED:
        case X509_V_ERR_CERT_REJECTED:
            return PathProblemKind::UntrustedRoot;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return PathProblemKind::IncompleteChain;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return PathProblemKind::NotYetValid;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return PathProblemKind::Expired;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return PathProblemKind::WeakKey;
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
            return PathProblemKind::Signature;
        default:
            return PathProblemKind::Constraint;
    }
}

// Collects every problem and lets the walk go on; the list, not the return value, is the result.
int collect(int ok, X509_STORE_CTX* context) {
    if (ok == 1) {
        return 1;
    }
    auto* problems = static_cast<std::vector<PathProblem>*>(X509_STORE_CTX_get_app_data(context));
    const int error = X509_STORE_CTX_get_error(context);
    const int depth = std::max(0, X509_STORE_CTX_get_error_depth(context));
    std::string subject;
    if (X509* current = X509_STORE_CTX_get_current_cert(context)) {
        if (const auto certificate = Certificate::from_native(current)) {
            subject = (*certificate)->subject;
        }
    }
    problems->push_back({kind_of(error), static_cast<size_t>(depth), std::move(subject),
                         X509_verify_cert_error_string(error)});
    return 1;
}

struct Stack {
    STACK_OF(X509) * native = sk_X509_new_null();
    Stack() = default;

    ~Stack() { sk_X509_free(native); }

    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
};

void set_parameters(X509_STORE_CTX* context, Time at) {
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_time(
        parameters, std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
    X509_VERIFY_PARAM_set_depth(parameters, kDeepest);
    X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
    // Names in the CN are constrained also where a SAN is there: identity looks at both.
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
}

std::vector<Certificate> chain_of(X509_STORE_CTX* context) {
    std::vector<Certificate> chain;
    STACK_OF(X509)* native = X509_STORE_CTX_get0_chain(context);
    for (int i = 0; native != nullptr && i < sk_X509_num(native); ++i) {
        if (auto certificate = Certificate::from_native(sk_X509_value(native, i))) {
            chain.push_back(std::move(*certificate));
        }
    }
    return chain;
}

// RFC 5280 4.1.2.5: notAfter belongs to the validity; OpenSSL ends it a second earlier.
void allow_last_second(Path& path, Time at) {
    std::erase_if(path.problems, [&](const PathProblem& problem) {
        return problem.kind == PathProblemKind::Expired &&
               problem.depth < path.certificates.size() &&
               at <= path.certificates[problem.depth]->not_after;
    });
}

// An anchor is a name and a key that the operator trusts (RFC 5280 6.1.1): what its certificate
// lacks of a CA's profile is no reason to doubt it. Many private roots have no key usage.
constexpr int kProfileErrors[] = {
    X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, X509_V_ERR_CA_BCONS_NOT_CRITICAL,
    X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER};

bool is_of_profile(const PathProblem& problem) {
    return std::ranges::any_of(kProfileErrors, [&](int error) {
        return problem.text == X509_verify_cert_error_string(error);
    });
}

void forgive_profile_of_anchor(Path& path) {
    std::erase_if(path.problems, [&](const PathProblem& problem) {
        return problem.depth + 1 == path.certificates.size() && is_of_profile(problem);
    });
}

Path too_much() {
    return {.certificates = {},
            .problems = {{PathProblemKind::Constraint, 0, {}, "too many certificates presented"}}};
}

}  // namespace

Anchors::Anchors() : store_(std::make_shared<const Store>()) {}

Result<Anchors> Anchors::from_certificates(const std::vector<Certificate>& certificates) {
    auto store = std::make_shared<Store>();
    store->native.reset(X509_STORE_new());
    for (const Certificate& certificate : certificates) {
        if (X509_STORE_add_cert(store->native.get(), certificate.native()) != 1) {
            return native_fault(FaultKind::System, "adding a trust anchor");
        }
    }
    store->certificates = certificates;
    Anchors anchors;
    anchors.store_ = std::move(store);
    return anchors;
}

Result<Anchors> Anchors::system() {
    static std::mutex mutex;
    static Result<Anchors> roots = fault(FaultKind::System, "not read yet");
    std::scoped_lock const lock(mutex);
    if (roots) {
        return roots;
    }
    std::ifstream file(kSystemRoots);
    const std::string pem{std::istreambuf_iterator<char>(file), {}};
    const auto certificates = Certificate::from_pem(pem);
    if (!certificates) {
        return fault(FaultKind::System, std::string("reading ") + kSystemRoots,
                     certificates.error().cause);
    }
    roots = from_certificates(*certificates);
    return roots;
}

const std::vector<Certificate>& Anchors::certificates() const { return store_->certificates; }

Path Anchors::find_path(const std::vector<Certificate>& presented, Time at) const {
    size_t bytes = 0;
    for (const Certificate& certificate : presented) {
        bytes += certificate.der().size();
    }
    if (presented.empty() || presented.size() > kMostPresented || bytes > kMostBytes) {
        return too_much();
    }
    const StoreOwner none(store_->native ? nullptr : X509_STORE_new());
    X509_STORE* trusted = store_->native ? store_->native.get() : none.get();
    const Stack untrusted;
    // OpenSSL takes the first issuer that fits and does not come back: a cross-certificate must be
    // seen before the self-signed root of the same name and key (EX-24).
    for (const bool self_issued : {false, true}) {
        for (const Certificate& certificate : presented) {
            if (certificate->self_issued == self_issued) {
                sk_X509_push(untrusted.native, certificate.native());
            }
        }
    }
    const StoreContextOwner context(X509_STORE_CTX_new());
    Path path;
    X509_STORE_CTX_init(context.get(), trusted, presented.front().native(), untrusted.native);
    set_parameters(context.get(), at);
    X509_STORE_CTX_set_app_data(context.get(), &path.problems);
    X509_STORE_CTX_set_verify_cb(context.get(), collect);
    const int verified = X509_verify_cert(context.get());
    path.certificates = chain_of(context.get());
    if (verified != 1 && path.problems.empty()) {
        path.problems.push_back({PathProblemKind::Constraint, 0, {}, native_error()});
    }
    ERR_clear_error();
    allow_last_second(path, at);
    forgive_profile_of_anchor(path);
    return path;
}

}  // namespace valija::x509
