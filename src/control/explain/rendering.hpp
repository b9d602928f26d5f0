// How what was judged is shown, for all commands alike: the JSON of ladders, certificates and name
// tables, and the parts of a page of text.
//
// Promise: pure, any thread. Keys of JSON are English and stable, sentences in it are in the
// language asked for; names of peers are escaped. The text of a ladder is identity::ladder_text().
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/phrase.hpp"
#include "trust/identity/comparison.hpp"
#include "trust/identity/ladder.hpp"
#include "trust/x509/certificate.hpp"

namespace valija::explain {

// One object a step: step, state, evidence, fix, who, reason.
boost::json::array json_of(const identity::Ladder& ladder, Language language = Language::English);

// One object a comparison: reference, origin, weak, presented, from, matches, result.
boost::json::array json_of(const std::vector<identity::Comparison>& names,
                           Language language = Language::English);

boost::json::object json_of(const x509::Certificate& certificate);
boost::json::array json_of(const std::vector<x509::Certificate>& chain);

// Lines of text under headings, with labels in a column; widths are counted in characters.
class Page {
  public:
    explicit Page(Language language) : language_(language) {}

    void heading(const Text& text);
    void row(const Text& label, const Text& value);
    void more(const std::string& value);  // another value of the row above
    void blank();

    void add(const std::string& lines) { text_ += lines; }

    std::string take() { return std::move(text_); }

  private:
    Language language_;
    std::string text_;
};

// Subject, names (CI-42: the CN and every DNS name), issuer, dates, key, where its lists are.
void put_certificate(Page& page, const x509::Certificate& certificate);

// References beside presented names, each with the rule that matched or the nearest miss.
void put_comparisons(Page& page, const std::vector<identity::Comparison>& names, Language language);

// The language of a terminal: the first of LC_ALL, LC_MESSAGES and LANG that is set; Spanish where
// it begins with "es".
Language language_of_terminal(std::string_view lc_all, std::string_view lc_messages,
                              std::string_view lang);

}  // namespace valija::explain
