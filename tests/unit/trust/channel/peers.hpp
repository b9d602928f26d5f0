// Two connections that face each other, and certificates for them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "support/run.hpp"
#include "trust/authority/authority.hpp"
#include "trust/channel/connection.hpp"
#include "trust/channel/internal/tls_context.hpp"

namespace valija::channel::test {

using boost::asio::ip::tcp;
using valija::test::run;
using valija::test::start;

inline std::pair<tcp::socket, tcp::socket> sockets(boost::asio::io_context& server_loop,
                                                   boost::asio::io_context& client_loop) {
    tcp::acceptor acceptor(server_loop, {boost::asio::ip::address_v4::loopback(), 0});
    tcp::socket client(client_loop);
    client.connect(acceptor.local_endpoint());
    return {acceptor.accept(), std::move(client)};
}

struct Peers {
    boost::asio::io_context loop{1};
    std::pair<tcp::socket, tcp::socket> ends = sockets(loop, loop);
    Connection server{std::move(ends.first)};
    Connection client{std::move(ends.second)};

    Peers() {
        server.within(std::chrono::seconds(60));
        client.within(std::chrono::seconds(60));
    }

    // Both tasks at once; the loop runs until both have ended.
    template <class A, class B>
    std::pair<A, B> both(Task<A> a, Task<B> b) {
        std::optional<A> first;
        std::optional<B> second;
        start(loop, std::move(a), first);
        start(loop, std::move(b), second);
        loop.restart();
        while (!(first && second) && loop.run_one() > 0) {
        }
        return {std::move(first.value()), std::move(second.value())};
    }
};

using Own = std::shared_ptr<const keystore::OwnCertificate>;
using Context = std::shared_ptr<const TlsContext>;

// A certificate authority and what it issued, at a time long after which all is expired.
class Issuer {
  public:
    Own issue(const std::string& name, bool expired = false) {
        authority::LeafRequest request;
        request.common_name = name;
        request.dns_names = {name};
        request.not_before = from_millis(1'700'000'000'000);
        request.not_after = from_millis(expired ? 1'700'086'400'000 : 4'000'000'000'000);
        auto const issued = authority_.issue(request);
        std::unique_ptr<BIO, decltype(&BIO_free)> const bio(
            BIO_new_mem_buf(issued->key_pem.data(), static_cast<int>(issued->key_pem.size())),
            &BIO_free);
        std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr),
                                      &EVP_PKEY_free);
        return std::make_shared<const keystore::OwnCertificate>(keystore::OwnCertificate{
            name, {issued->certificate, authority_.root()}, keystore::KeyHandle(std::move(key))});
    }

    explicit Issuer(const std::string& name = "Contoso Root") : name_(name) {}

    const x509::Certificate& root() const { return authority_.root(); }

  private:
    std::string name_;
    authority::Authority authority_ = *authority::Authority::create(
        name_, from_millis(1'600'000'000'000), from_millis(4'000'000'000'000));
};

inline Context server_context(Own own) { return *TlsContext::server(std::move(own)); }

inline Context client_context(Own own) { return *TlsContext::client({std::move(own)}); }

inline Context client_without_certificate() { return *TlsContext::client({}); }

inline SSL_CTX* native(const Context& context) { return context->internal().native.get(); }

}  // namespace valija::channel::test
