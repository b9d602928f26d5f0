// A scene of the lab: what is played, what was expected, what happened, and how it is told.
//
// Promise: every scene puts the world back as it found it, so that any selection in any order goes
// the same way. A scene went as expected only if it made at least one comparison and all hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "programs/lab/letter.hpp"
#include "programs/lab/world.hpp"

namespace valija::lab {

// The last comparison of a scene is the one that the table shows.
struct Comparison {
    std::string what;
    std::string expected;
    std::string happened;

    bool holds() const { return expected == happened; }
};

// What a scene has at hand while it plays.
class Stage {
  public:
    Stage(World& world, bool with_protocol) : world_(world), with_protocol_(with_protocol) {}

    World& world() { return world_; }

    void tell(std::string_view line);  // a decisive line, as it was seen
    void tell_all(const std::vector<std::string>& lines);
    void tell_output(std::string_view text);  // of Valija itself, which has escaped what peers said
    void compare(std::string what, std::string expected, std::string happened);

    // Sends and tells the decisive lines: those of `command`; all of them with --verbose.
    Result<Session> send(const Client& client, Letter& letter, std::string_view command);

    // Waits for the letter in the mailbox; tells its trace. Gives the message.
    Result<std::string> arrives(const Organisation& of, const Letter& letter);

    // Compares the verdict that the mailbox shows for the message.
    void compare_mark(const Organisation& of, std::string_view message, std::string expected);

    const std::vector<std::string>& lines() const { return lines_; }

    const std::vector<Comparison>& comparisons() const { return comparisons_; }

    bool went_as_expected() const;

  private:
    World& world_;
    bool with_protocol_;
    std::vector<std::string> lines_;
    std::vector<Comparison> comparisons_;
};

struct Scene {
    std::string_view group;
    std::string_view name;
    std::string_view title;
    std::string_view story;  // what the reader is to look at; lines parted by \n
    Result<void> (*play)(Stage&);
};

const std::vector<Scene>& all_scenes();  // in the order of playing

std::vector<Scene> path_scenes();
std::vector<Scene> waiting_scenes();
std::vector<Scene> trust_scenes();
std::vector<Scene> status_scenes();
std::vector<Scene> dane_scenes();
std::vector<Scene> tool_scenes();
std::vector<Scene> certificate_scenes();
std::vector<Scene> renewal_scenes();

}  // namespace valija::lab
