// EX-36, EX-37: one proxy for HTTP and HTTPS, and who is reached without it.
#include "platform/net/proxy.hpp"

#include <gtest/gtest.h>

namespace valija::net {
namespace {

const std::string kProxy = "http://proxy.contoso.example:8080";

bool goes_direct(const std::string& element, const std::string& url) {
    return proxy_for({.url = kProxy, .bypass = {element}}, url).empty();
}

TEST(Proxy, IsForHttpAndHttpsAndNotForLdap) {
    const Proxy proxy{.url = kProxy, .bypass = {}};
    EXPECT_EQ(proxy_for(proxy, "http://crl.example/a.crl"), kProxy);
    EXPECT_EQ(proxy_for(proxy, "HTTPS://crl.example/a.crl"), kProxy);
    EXPECT_EQ(proxy_for(proxy, "ldap://crl.example/cn=x"), "");
    EXPECT_EQ(proxy_for(proxy, "ldaps://crl.example/cn=x"), "");
    EXPECT_EQ(proxy_for({}, "http://crl.example/a.crl"), "");
}

// EX-37: `<local>` is every host name without a dot.
TEST(Proxy, LocalMeansNamesWithoutADot) {
    EXPECT_TRUE(goes_direct("<local>", "http://intranet/a.crl"));
    EXPECT_TRUE(goes_direct("<LOCAL>", "http://intranet:8080/a.b.crl"));
    EXPECT_FALSE(goes_direct("<local>", "http://crl.example/a"));
    EXPECT_FALSE(goes_direct("<local>", "http://192.0.2.1/a"));
    EXPECT_FALSE(goes_direct("<local>", "http://[2001:db8::1]/a"));
}

TEST(Proxy, NamesSuffixesAddressesAndRangesAreLeftOut) {
    EXPECT_TRUE(goes_direct("crl.example", "http://CRL.example:80/a"));
    EXPECT_TRUE(goes_direct("crl.example", "http://crl.example./a"));
    EXPECT_FALSE(goes_direct("crl.example", "http://a.crl.example/a"));
    EXPECT_TRUE(goes_direct("*.example", "http://a.crl.example/a"));
    EXPECT_FALSE(goes_direct("*.example", "http://example/a"));
    EXPECT_FALSE(goes_direct("*.example", "http://badexample/a"));
    EXPECT_TRUE(goes_direct("*", "http://crl.example/a"));
    EXPECT_TRUE(goes_direct("192.0.2.0/24", "http://192.0.2.9/a"));
    EXPECT_FALSE(goes_direct("192.0.2.0/24", "http://192.0.3.9/a"));
    EXPECT_TRUE(goes_direct("2001:db8::/32", "http://[2001:db8::9]:80/a"));
    EXPECT_TRUE(goes_direct("192.0.2.9", "http://192.0.2.9/a"));
}

// What stands before an @ is no host, whatever it looks like.
TEST(Proxy, TheHostIsTakenFromTheRightPlaceOfTheAddress) {
    EXPECT_EQ(host_of_url("http://crl.example@192.0.2.1/a"), "192.0.2.1");
    EXPECT_EQ(host_of_url("http://a.example/@b.example"), "a.example");
    EXPECT_EQ(host_of_url("http://[::1]:8080/"), "::1");
    EXPECT_EQ(host_of_url("http://[::1"), "");
    EXPECT_EQ(host_of_url("http:"), "");
    EXPECT_EQ(host_of_url(""), "");
}

}  // namespace
}  // namespace valija::net
