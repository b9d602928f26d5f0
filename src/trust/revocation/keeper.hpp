// Keeps the book: fetches lists ahead of time, verifies, persists and publishes them.
//
// Promise: a list once wanted is kept across restarts and refreshed before its nextUpdate (at the
// latest at three quarters of its life, at most every `longest`), failures are retried with
// back-off from `shortest`; the old list stays in force until its end. A list that is wanted and
// not there is fetched at once. Nothing here is called by a judgement.
// Thread: want() and book() from any thread; the rest runs on the keeper's own thread, which also
// parses, so that no loop waits. Failure: an event crl.failed, and the state in lists().
// A url may have several candidate issuers (at most 8); the one that signed the list counts. At
// most 1,000 lists are kept; a list older than the one in force never replaces it. Ports: Fetch
// gets bytes (platform/net), Clock the time. Directory: one `<hash>.crl` and one
// `<hash>.want` (url and candidate issuers) each, written atomically.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "platform/observe/log.hpp"
#include "trust/revocation/book.hpp"

namespace valija::revocation {

// Called on the keeper's thread; must call `done` exactly once, from any thread.
using Fetch = std::function<void(std::string url, std::function<void(Result<std::string>)> done)>;

struct KeeperOptions {
    std::string directory;  // state/crl
    Duration shortest = std::chrono::seconds(5);
    Duration longest = std::chrono::hours(6);
};

struct ListState {
    std::string url;
    std::string issuer;  // subject of the issuing CA
    bool loaded = false;
    size_t entries = 0;
    Time this_update;
    Time next_update;
    std::string last_error;
};

class Keeper {
  public:
    // Loads what is on disk before it returns; damaged files are reported and forgotten.
    static Result<std::unique_ptr<Keeper>> start(KeeperOptions options, Fetch fetch,
                                                 const Clock& clock, observe::Log log);
    ~Keeper();  // stops and joins

    // From now on the list at `url`, signed by `issuer`, is kept. Cheap when already known.
    void want(const std::string& url, const x509::Certificate& issuer);

    // Fetches a known list again now (its operator asked, or a path failed for lack of it).
    void refresh(const std::string& url);

    std::shared_ptr<const Book> book() const;
    std::vector<ListState> lists() const;

  private:
    struct Work;
    explicit Keeper(std::unique_ptr<Work> work);
    std::unique_ptr<Work> work_;
};

}  // namespace valija::revocation
