// What a partner's refusal of our certificate means for us: EX-30, and who must act.
#include "control/explain/refusal.hpp"

#include <gmock/gmock.h>

namespace valija::explain {
namespace {

using testing::HasSubstr;

TEST(Refusal, TheReasonThatThePartnerNamesIsExplained) {
    for (const auto& [reason, words] : {std::pair("RevocationOffline", "the list of our CA"),
                                        std::pair("UntrustedRoot", "does not know the CA"),
                                        std::pair("SubjectMismatch", "does not name the domain"),
                                        std::pair("UsageInvalid", "clientAuth")}) {
        const std::string reply = std::string(
                                      "mail.x[192.0.2.1:25]: 454 4.7.5 Certificate "
                                      "validation failure, Reason:") +
                                  reason;
        EXPECT_THAT(about_refusal(reply).english(), HasSubstr(words)) << reason;
        EXPECT_FALSE(about_refusal(reply + " (in reply to MAIL FROM)").empty()) << reason;
    }
}

TEST(Refusal, AnythingElseMeansNothingToUs) {
    for (const char* text : {"", "451 4.7.1 try again later", "Reason:UntrustedRoot",
                             "Certificate validation failure, Reason:",
                             "Certificate validation failure, Reason:NoSuchWord",
                             "Certificate validation failure, Reason:NoTls"}) {
        EXPECT_TRUE(about_refusal(text).empty()) << text;
    }
}

}  // namespace
}  // namespace valija::explain
