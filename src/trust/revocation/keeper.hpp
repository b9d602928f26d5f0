// Keeps the book: fetches lists and OCSP answers ahead of time, verifies, persists, publishes them.
//
// Promise: what is once wanted is kept across restarts and refreshed before its end (at the latest
// at three quarters of its life, at most every `longest`, up to a tenth earlier so that servers do
// not come all at once); failures are retried with back-off from `shortest`; the old list stays in
// force until its end. What is wanted and not there is fetched at once. A list that names its
// deltas (freshestCRL) makes them wanted. Nothing here is called by a judgement.
// Thread: want() and book() from any thread; the rest runs on the keeper's own thread, which also
// parses, so that no loop waits. Failure: an event crl.failed, and the state in lists().
// A url may have several candidate issuers (at most 8); the one that signed the list counts. At
// most 1,000 lists and answers are kept, at most 200 of them answers. Where there is no room, what
// never came goes first, then the answer that ends first; for what the configuration names also a
// list that it does not. What it names is never given up: no partner's CA can take the room of
// another's. Told once by crl.failed. An answer about a certificate that has expired is forgotten;
// what is older than the one in force, or dated in the future, never replaces it. Ports: Fetch gets
// bytes (platform/net), Clock the time. Directory: one `<hash>.crl` and one `<hash>.want` each,
// written atomically (internal/kept.hpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"
#include "trust/revocation/book.hpp"

namespace valija::revocation {

struct FetchRequest {
    std::string url;
    std::string body = {};  // empty: GET; else POST, an OCSP request
};

// Called on the keeper's thread; must call `done` exactly once, from any thread.
using Fetch =
    std::function<void(FetchRequest request, std::function<void(Result<std::string>)> done)>;

struct KeeperOptions {
    std::string directory;  // state/crl
    Duration shortest = std::chrono::seconds(5);
    Duration longest = std::chrono::hours(6);
};

struct ListState {
    std::string url;
    std::string about;   // of an OCSP answer: the certificate's subject
    std::string issuer;  // subject of the issuing CA
    bool loaded = false;
    bool is_delta = false;
    size_t entries = 0;
    Time this_update;
    Time next_update;
    Time next_fetch;
    std::string last_error;
};

class Keeper {
  public:
    // Loads what is on disk before it returns; damaged files are reported and forgotten.
    static Result<std::unique_ptr<Keeper>> start(KeeperOptions options, Fetch fetch,
                                                 const Clock& clock, observe::Log log);
    ~Keeper();  // stops and joins

    struct Named {
        std::string url;
        x509::Certificate issuer;
        std::optional<x509::Certificate> about = {};  // an OCSP answer
    };

    // All that the configuration names: of our own certificates, and in the partners' files. What
    // never came and is not named (any more) is forgotten; a session that needs it wants it again.
    void name(const std::vector<Named>& all);

    // From now on the list at `url`, signed by `issuer`, is kept. Cheap when already known.
    void want(const std::string& url, const x509::Certificate& issuer);

    // The same for the OCSP answer about a certificate (HTTP only).
    void want_answer(const std::string& url, const x509::Certificate& certificate,
                     const x509::Certificate& issuer);

    // Fetches a known list again now (its operator asked, or a path failed for lack of it).
    void refresh(const std::string& url);

    // What a keeper left in its directory, for a command beside the server; nothing is changed
    // there, and what is damaged is left out. Nothing: no keeper was ever asked for a list
    // there, or it cannot be read.
    static std::optional<Book> read(const std::string& directory, Time now);

    std::shared_ptr<const Book> book() const;
    std::vector<ListState> lists() const;

  private:
    struct Work;
    explicit Keeper(std::unique_ptr<Work> work);
    std::unique_ptr<Work> work_;
};

}  // namespace valija::revocation
