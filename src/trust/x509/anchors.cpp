#include "trust/x509/anchors.hpp"

#include <fstream>
#include <iterator>
#include <mutex>

#include "trust/x509/internal/search.hpp"

namespace valija::x509 {

struct Anchors::Store {
    std::vector<Certificate> certificates;
    internal::BySubject by_subject;
};

namespace {

constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

Path refused(const Text& why) {
    return {.certificates = {}, .problems = {{PathProblemKind::Constraint, 0, {}, why}}};
}

}  // namespace

Anchors::Anchors() : store_(std::make_shared<const Store>()) {}

Result<Anchors> Anchors::from_certificates(const std::vector<Certificate>& certificates) {
    auto store = std::make_shared<Store>();
    store->certificates = certificates;
    store->by_subject = internal::by_subject(store->certificates);
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

Path Anchors::find_path(const std::vector<Certificate>& presented,
                        const PathQuestion& question) const {
    size_t bytes = 0;
    for (const Certificate& certificate : presented) {
        bytes += certificate.der().size();
    }
    if (presented.empty()) {
        return refused(say("no certificate was presented"));
    }
    if (presented.size() > question.bounds.presented || bytes > question.bounds.bytes) {
        return refused(say("too many certificates presented"));
    }
    return internal::Search(store_->by_subject, presented, question).run();
}

Path Anchors::find_path(const std::vector<Certificate>& presented, Time at) const {
    return find_path(presented, PathQuestion{.at = at});
}

}  // namespace valija::x509
