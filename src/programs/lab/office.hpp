// A server's home without a server, for scenes about certificates: `office-N` in the lab's place.
//
// Failure: Fault where a program could not do its work. Thread: main.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "programs/lab/live_check.hpp"

namespace valija::lab {

class Office {
  public:
    // With a configuration of a few lines; `name` tells one scene's from another's.
    static Result<Office> open(Stage& stage, const std::string& name);

    const std::string& home() const { return home_; }

    std::string file(const std::string& name) const { return home_ + "/" + name; }

    // A command of ours: told and compared, or only its JSON taken.
    Result<std::string> tell(const std::vector<std::string>& words, int expected) const {
        return tell_command(stage_, home_, words, expected);
    }

    Result<boost::json::value> facts(std::vector<std::string> words) const;

    // openssl(1), as a CA or a Windows server would act; Fault where it fails.
    Result<void> openssl(std::vector<std::string> words) const;

    // Names of the files in keys/.
    std::vector<std::string> keys() const;

  private:
    Office(Stage& stage, std::string home) : stage_(stage), home_(std::move(home)) {}

    Stage& stage_;
    std::string home_;
};

// The JSON that a command of this home printed.
Result<boost::json::value> facts_of(const World& world, const std::string& home,
                                    std::vector<std::string> words);

}  // namespace valija::lab
