#include "trust/revocation/internal/shelf.hpp"

#include <algorithm>
#include <utility>

namespace valija::revocation::internal {
namespace {

constexpr size_t kMostAnswers = 200;  // of the kept: strangers' certificates name many responders

// How little is lost with it; the least goes first. Nothing: it stays.
std::optional<int> dispensability(const Kept& entry, const Kept& wanted) {
    if (entry.is_named) {
        return std::nullopt;
    }
    if (!entry.is_loaded() && entry.failures > 0) {
        return 0;
    }
    if (entry.certificate) {
        return 1;
    }
    return wanted.is_named ? std::optional(2) : std::nullopt;
}

}  // namespace

Book book_of(const std::map<std::string, Kept>& kept) {
    Lists lists;
    Answers answers;
    Misses misses;
    for (const auto& [key, entry] : kept) {
        if (entry.lack != Lack::None && !entry.certificate) {
            misses.emplace(entry.url, Miss{.why = entry.last_error, .lack = entry.lack});
        }
        if (entry.list) {
            lists.emplace(entry.url, entry.list);
        }
        for (const x509::Certificate& issuer : entry.issuers) {
            if (entry.answer && issuer->subject == entry.issuer) {
                answers.emplace(answer_key(*entry.certificate, issuer), entry.answer);
            }
        }
    }
    return Book(std::move(lists), std::move(answers), std::move(misses));
}

void Shelf::tell_once(bool& was_told, const std::string& url, const char* text) const {
    if (!std::exchange(was_told, true)) {
        log_.emit(observe::Event::CrlFailed, {{"url", url}, {"text", text}});
    }
}

bool Shelf::make_room(const Kept& wanted) {
    const auto answers = static_cast<size_t>(std::ranges::count_if(
        kept, [](const auto& row) { return row.second.certificate.has_value(); }));
    const bool answers_are_full = wanted.certificate && answers >= kMostAnswers;
    if (!answers_are_full && kept.size() < kMostKept) {
        return true;
    }
    const Kept* victim = nullptr;
    int rank = 0;
    for (const auto& [key, entry] : kept) {
        const auto found = answers_are_full && !entry.certificate ? std::optional<int>()
                                                                  : dispensability(entry, wanted);
        if (found && (victim == nullptr || std::pair(*found, entry.next_update()) <
                                               std::pair(rank, victim->next_update()))) {
            victim = &entry;
            rank = *found;
        }
    }
    if (victim == nullptr) {
        tell_once(was_told_full_, wanted.url,
                  "too many lists and answers are kept already: it is not fetched");
        return false;
    }
    if (rank > 0) {
        tell_once(was_told_answers_, victim->url,
                  "too much is kept: it is given up for what is needed more");
    }
    forget(victim->key());
    return true;
}

void Shelf::forget_files_of(const Kept& entry) { forgotten_.push_back(entry.stem()); }

void Shelf::forget(const std::string& key) {
    forget_files_of(kept.at(key));
    kept.erase(key);
}

std::vector<std::string> Shelf::take_forgotten() { return std::exchange(forgotten_, {}); }

// A delta that a kept list names.
bool Shelf::is_delta_of_ours(const Kept& entry) const {
    return std::ranges::any_of(kept, [&](const auto& row) {
        const auto& list = row.second.list;
        return list && std::ranges::find(list->facts().freshest_urls, entry.url) !=
                           list->facts().freshest_urls.end();
    });
}

void Shelf::forget_unnamed() {
    std::vector<std::string> keys;
    for (const auto& [key, entry] : kept) {
        const bool is_missing = !entry.is_loaded() && entry.failures > 0;
        if (is_missing && !entry.is_named && !is_delta_of_ours(entry)) {
            keys.push_back(key);
        }
    }
    std::ranges::for_each(keys, [this](const std::string& key) { forget(key); });
    if (!keys.empty()) {
        was_told_full_ = was_told_answers_ = false;
    }
}

void Shelf::forget_expired(Time now) {
    std::erase_if(kept, [&](const auto& row) {
        const Kept& entry = row.second;
        const bool is_over =
            entry.certificate && !entry.fetching && (*entry.certificate)->not_after < now;
        if (is_over) {
            forget_files_of(entry);
            was_told_full_ = was_told_answers_ = false;
        }
        return is_over;
    });
}

std::vector<Kept> Shelf::take_due(Time now) {
    std::vector<Kept> due;
    for (auto& [key, entry] : kept) {
        if (!entry.fetching && entry.next_fetch <= now) {
            entry.fetching = true;
            due.push_back(entry);
        }
    }
    return due;
}

std::vector<Kept> Shelf::take_unsaved(Time now) {
    std::vector<Kept> unsaved;
    for (auto& [key, entry] : kept) {
        if (!entry.is_saved && entry.next_save <= now) {
            entry.is_saved = true;
            unsaved.push_back(entry);
        }
    }
    return unsaved;
}

Duration Shelf::until_next(Time now) const {
    Duration wait = std::chrono::hours(1);
    for (const auto& [key, entry] : kept) {
        if (!entry.fetching) {
            wait = std::min(wait, std::max(entry.next_fetch - now, Duration(10)));
        }
        if (!entry.is_saved) {
            wait = std::min(wait, std::max(entry.next_save - now, Duration(10)));
        }
    }
    return wait;
}

}  // namespace valija::revocation::internal
