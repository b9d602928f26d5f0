// `valija check` as the scenes use it: asked once for programs and once for people.
//
// Thread: main. Failure: Fault where the command could not do its work or said something else than
// it promises; what it found is an answer.
#pragma once

#include <string>
#include <vector>

#include "programs/lab/stage.hpp"

namespace valija::lab {

// What it says of one step of the way to the partner's first address.
struct Checked {
    std::string failed_step = {};  // the first that failed or is unknown, "" if the path is proven
    std::string state = {};        // of the step in question: "pass", "warn", …, "" if not reached
    std::string evidence = {};
    std::vector<std::string> names = {};  // each comparison of names, a line
};

Result<Checked> check_live(Stage& stage, const Organisation& of, const std::string& target,
                           const std::string& step);

// Runs a command of the organisation and tells what it printed; compares its exit status.
Result<std::string> tell_command(Stage& stage, const Organisation& of,
                                 const std::vector<std::string>& words, int expected);
Result<std::string> tell_command(Stage& stage, const std::string& home,
                                 const std::vector<std::string>& words, int expected);

}  // namespace valija::lab
