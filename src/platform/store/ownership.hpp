// Accounts of the system, whose files are, and becoming another account.
//
// Promise: links are never followed, and a plain file with more than one name is left alone: nobody
// can have put it there to get something else of root's. Only root calls any of this with success.
// Fault System names the file and the reason. Thread: any; become() changes the whole process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "platform/base/result.hpp"

namespace valija::store {

struct Account {
    uid_t user;
    gid_t group;
};

std::optional<Account> account_of(const std::string& user);  // nullopt: there is none

// That file, or directory without what is in it.
Result<void> give(const std::string& path, const Account& to);

// The directory and all below it.
Result<void> give_tree(const std::string& directory, const Account& to);

// The group may read the directory and all below it, and what is made there later.
Result<void> share_tree(const std::string& directory, gid_t group);

// The same of the directory alone.
Result<void> share(const std::string& directory, gid_t group);

// No way back. `listens`: ports below 1024 may still be listened on (CAP_NET_BIND_SERVICE).
enum class Keeps { Nothing, LowPorts };
Result<void> become(const Account& account, Keeps keeps);

}  // namespace valija::store
