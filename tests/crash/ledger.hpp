// What the parent knows of the queue from the lines it read, and the comparison with what is there.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crash/letters.hpp"

namespace valija::crash {

class Ledger {
  public:
    void note(std::string_view line);

    // Opens the spool as a restart does and looks at everything in it. One line a broken promise.
    std::vector<std::string> check(const std::string& directory);

    size_t accepted() const { return accepted_.size(); }

  private:
    struct Part {
        bool may_be_gone = false;   // a settling was begun: either state is right
        bool must_be_gone = false;  // it was recorded
        bool may_have_report = false;
        bool must_have_report = false;
    };

    using Key = std::pair<std::string, std::string>;  // id and domain

    void compare(const std::string& id, const std::map<Key, bool>& waiting,
                 std::vector<std::string>& broken);
    void compare_reports(const std::map<Key, bool>& waiting, std::vector<std::string>& broken);

    std::set<std::string> accepted_;
    std::map<Key, Part> parts_;
    std::multiset<std::string> reports_;  // of the last check
};

}  // namespace valija::crash
