// A resolver whose answers a test writes down.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "platform/net/resolver.hpp"

namespace valija::route::test {

// Answers from tables; a name in neither does not exist.
class TableResolver final : public net::Resolver {
  public:
    std::map<std::string, std::vector<net::MxRecord>> mx_records;
    std::map<std::string, std::vector<std::string>> address_records;
    std::map<std::string, std::vector<net::PtrName>> ptr_records;
    std::map<std::string, net::TlsaAnswer> tlsa_answers;
    bool fails = false;
    bool is_signed = false;
    size_t asked = 0;  // ptr() and tlsa()

    Task<Result<net::Answer<net::MxRecord>>> mx(std::string domain) override {
        net::Answer<net::MxRecord> answer;
        if (fails) {
            co_return fault(FaultKind::Network, "asking DNS", "SERVFAIL");
        }
        answer.exists = mx_records.contains(domain) || address_records.contains(domain);
        if (mx_records.contains(domain)) {
            answer.records = mx_records[domain];
        }
        answer.secure = is_signed;
        co_return answer;
    }

    Task<Result<net::Answer<std::string>>> addresses(std::string host) override {
        net::Answer<std::string> answer;
        answer.exists = address_records.contains(host);
        if (answer.exists) {
            answer.records = address_records[host];
        }
        co_return answer;
    }

    Task<Result<net::Answer<net::PtrName>>> ptr(std::string address) override {
        ++asked;
        if (fails) {
            co_return fault(FaultKind::Network, "asking DNS", "SERVFAIL");
        }
        net::Answer<net::PtrName> answer;
        answer.records = ptr_records[address];
        co_return answer;
    }

    Task<Result<net::TlsaAnswer>> tlsa(std::string host, uint16_t port) override {
        ++asked;
        EXPECT_EQ(port, 25);
        if (fails) {
            co_return fault(FaultKind::Stopped, "asking DNS", "stopped");
        }
        co_return tlsa_answers[host];
    }
};

}  // namespace valija::route::test
