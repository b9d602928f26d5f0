#include "trust/keystore/keystore.hpp"

#include <algorithm>
#include <tuple>

#include "platform/base/text.hpp"
#include "platform/store/file.hpp"

namespace valija::keystore {
namespace {

constexpr size_t kLargestFile = 1U << 20U;
constexpr std::string_view kSuffix = ".crt";

Result<bool> is_for_smtp(const std::string& directory, const std::string& name) {
    const auto noted = store::list_files(directory, name + ".meta");
    if (!noted) return std::unexpected(noted.error());
    if (std::ranges::find(*noted, name + ".meta") == noted->end()) {
        return counts_for_smtp(false, {});
    }
    const auto text = store::read_file(directory + "/" + name + ".meta", kLargestMetadata);
    if (!text) return std::unexpected(text.error());
    const auto metadata = parse_metadata(*text);
    if (!metadata) return std::unexpected(metadata.error());
    return counts_for_smtp(true, *metadata);
}

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
    const auto for_smtp = is_for_smtp(directory, name);
    if (!for_smtp) {
        return std::unexpected(for_smtp.error());
    }
    return std::make_shared<const OwnCertificate>(OwnCertificate{
        .name = name, .chain = std::move(*chain), .key = std::move(*key), .for_smtp = *for_smtp});
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

bool is_eligible(const OwnCertificate& own, std::string_view name) {
    return own.for_smtp && is_for(own, name);
}

std::string day_of(Time time) { return iso_time(time).substr(0, 10); }

// Why `own` stands behind `best`, by the rules of is_better().
std::string why_not(const OwnCertificate& own, const OwnCertificate& best, Time now) {
    const x509::Certificate& leaf = own.chain.front();
    if (leaf->not_after < now) return "it expired on " + day_of(leaf->not_after);
    if (now < leaf->not_before) return "it is not valid before " + day_of(leaf->not_before);
    if (leaf->self_issued && !best.chain.front()->self_issued) {
        return "it is self-signed, and one issued by a CA comes first";
    }
    return "it is older (valid from " + day_of(leaf->not_before) + ")";
}

std::string why_this(const OwnCertificate& own, Time now) {
    const x509::Certificate& leaf = own.chain.front();
    if (leaf->not_after < now) return "used, though it has expired: there is none better";
    if (now < leaf->not_before) return "used, though it is not valid yet: there is none better";
    return "used";
}

}  // namespace

bool is_in_time(const x509::Certificate& leaf, Time now) {
    return leaf->not_before <= now && now <= leaf->not_after;
}

bool is_better(const x509::Certificate& a, const x509::Certificate& b, Time now) {
    const auto rank = [now](const x509::Certificate& leaf) {
        return std::tuple(is_in_time(leaf, now), !leaf->self_issued, leaf->not_before);
    };
    return rank(a) > rank(b);
}

KeyStore KeyStore::load(const std::string& directory, Signer& signer, const KeyStore* before) {
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
            continue;
        }
        keys.problems_.push_back({file, own.error().text()});
        const std::string name = file.substr(0, file.size() - kSuffix.size());
        if (auto old = before == nullptr ? nullptr : before->from_file(name)) {
            keys.problems_.back().text += "; the one that was loaded before stays in use";
            keys.all_.push_back(std::move(old));
        }
    }
    return keys;
}

std::shared_ptr<const OwnCertificate> KeyStore::from_file(std::string_view name) const {
    const auto found =
        std::ranges::find_if(all_, [name](const auto& own) { return own->name == name; });
    return found == all_.end() ? nullptr : *found;
}

std::shared_ptr<const OwnCertificate> KeyStore::select(std::string_view name, Time now) const {
    std::shared_ptr<const OwnCertificate> best;
    if (name.empty()) {
        return best;
    }
    for (const auto& own : all_) {
        if (is_eligible(*own, name) &&
            (!best || is_better(own->chain.front(), best->chain.front(), now))) {
            best = own;
        }
    }
    return best;
}

std::vector<std::shared_ptr<const OwnCertificate>> KeyStore::choices(std::string_view name,
                                                                     Time now) const {
    std::vector<std::shared_ptr<const OwnCertificate>> all;
    const auto first = select(name, now);
    if (!first) return all;
    const auto is_before = [now](const auto& a, const auto& b) {
        return is_better(a->chain.front(), b->chain.front(), now);
    };
    for (const auto& own : all_) {
        const bool is_choice =
            own != first && is_eligible(*own, name) && is_in_time(own->chain.front(), now);
        if (is_choice) all.insert(std::ranges::upper_bound(all, own, is_before), own);
    }
    all.insert(all.begin(), first);
    return all;
}

std::vector<Candidate> KeyStore::candidates(std::string_view name, Time now) const {
    std::vector<size_t> order(all_.size());
    std::ranges::generate(order, [next = size_t{0}]() mutable { return next++; });
    const auto is_before = [&](size_t a, size_t b) {
        return is_better(all_[a]->chain.front(), all_[b]->chain.front(), now);
    };
    std::ranges::sort(order, [&](size_t a, size_t b) {
        const bool one = is_eligible(*all_[a], name);
        const bool other = is_eligible(*all_[b], name);
        if (one != other) return one;
        if (one && is_before(a, b)) return true;
        return a < b && !(one && is_before(b, a));
    });
    std::vector<Candidate> all;
    for (const size_t at : order) {
        const auto& own = all_[at];
        const bool fits = is_eligible(*own, name);
        all.push_back({.own = own,
                       .is_eligible = fits,
                       .reason = !is_for(*own, name) ? "the name is not in it"
                                 : !fits             ? "it is not enabled for smtp"
                                 : all.empty()       ? why_this(*own, now)
                                                     : why_not(*own, *all.front().own, now)});
    }
    return all;
}

}  // namespace valija::keystore
