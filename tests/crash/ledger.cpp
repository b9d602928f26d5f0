#include "crash/ledger.hpp"

#include <filesystem>

#include "platform/base/text.hpp"
#include "support/run.hpp"

namespace valija::crash {
namespace {

using test::run;

Result<std::string> read_body(queue::Spool& spool, const queue::QueueId& id) {
    auto body = run(spool.open_body(id));
    if (!body) return std::unexpected(body.error());
    std::string text;
    while (true) {
        const auto chunk = body->next();
        if (!chunk) return std::unexpected(chunk.error());
        if (chunk->empty()) return text;
        text.append(*chunk);
    }
}

// The files must be those of the large messages, and no others.
void compare_files(const std::string& directory, const std::set<std::string>& expected,
                   std::vector<std::string>& broken) {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory + "/bodies")) {
        files.insert(entry.path().filename().string());
    }
    for (const std::string& name : files) {
        if (!expected.contains(name)) broken.push_back("orphan file " + name);
    }
    for (const std::string& name : expected) {
        if (!files.contains(name)) broken.push_back("lost file " + name);
    }
}

}  // namespace

void Ledger::note(std::string_view line) {
    const auto words = split(line, ' ');
    if (words.size() == 2 && words[0] == "accepted") {
        accepted_.emplace(words[1]);
        return;
    }
    if (words.size() != 4) return;
    Part& part = parts_[Key(words[1], words[2])];
    const bool done = words[0] == "settled";
    if (words[3] != "deferred") (done ? part.must_be_gone : part.may_be_gone) = true;
    if (words[3] == "failed") (done ? part.must_have_report : part.may_have_report) = true;
}

void Ledger::compare(const std::string& id, const std::map<Key, bool>& waiting,
                     std::vector<std::string>& broken) {
    for (const mail::Recipient& one : envelope_of(id).recipients) {
        const Key key(id, one.address.domain);
        const bool waits = waiting.contains(key) && waiting.at(key);
        const Part& part = parts_[key];
        if (!waits && !part.may_be_gone) broken.push_back("lost " + id + " " + key.second);
        if (waits && part.must_be_gone) broken.push_back("undone " + id + " " + key.second);
    }
}

// A failure and its report are one: both are there, or neither.
void Ledger::compare_reports(const std::map<Key, bool>& waiting, std::vector<std::string>& broken) {
    for (const auto& [key, part] : parts_) {
        const std::string name = key.first + " " + key.second;
        const size_t count = reports_.count(report_of(key.first, key.second));
        const bool waits = waiting.contains(key) && waiting.at(key);
        if (count > 1) broken.push_back("two reports of " + name);
        if (count == 0 && part.must_have_report) broken.push_back("no report of " + name);
        if (count > 0 && !part.may_have_report) broken.push_back("report of nothing: " + name);
        if (count > 0 && waits) broken.push_back("report and still waiting: " + name);
    }
}

std::vector<std::string> Ledger::check(const std::string& directory) {
    auto spool = queue::Spool::open(options_in(directory), observe::Log(observe::make_null_sink()));
    if (!spool) return {"the spool does not open: " + spool.error().text()};
    std::vector<std::string> broken = (*spool)->set_aside();
    const auto messages = run((*spool)->list("", 1'000'000));
    if (!messages) return {"the spool cannot be listed: " + messages.error().text()};
    std::map<Key, bool> waiting;
    std::set<std::string> files;
    reports_.clear();
    for (const queue::QueuedMessage& message : *messages) {
        for (const queue::QueuedRecipient& one : message.recipients) {
            waiting[Key(message.id, one.recipient.address.domain)] =
                one.state == queue::RecipientState::Waiting;
        }
        if (message.size > kMemoryBound) files.insert(message.id);
        const auto body = read_body(**spool, message.id);
        if (!body) {
            broken.push_back("body of " + message.id + ": " + body.error().text());
        } else if (!message.sender) {
            reports_.insert(*body);
        } else if (*body != content_of(message.id)) {
            broken.push_back("the body of " + message.id + " is another");
        }
    }
    for (const std::string& id : accepted_) compare(id, waiting, broken);
    compare_reports(waiting, broken);
    compare_files(directory, files, broken);
    return broken;
}

}  // namespace valija::crash
