// What `valija certificate verify` found, as people read it and as JSON.
//
// Promise: pure, any thread. Text: the verdict, then failures, then warnings, then the facts of the
// certificate (CI-42); `All` adds every step, the whole path and every name compared.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "control/explain/verify.hpp"

namespace valija::explain {

std::string verify_text(const VerifyQuestion& question, const VerifyAnswer& answer,
                        identity::Show show, Language language);

boost::json::object verify_json(const VerifyQuestion& question, const VerifyAnswer& answer,
                                Language language);

}  // namespace valija::explain
