// The lab's world: Contoso and Woodgrove Bank, each with a private CA, a server for its revocation
// list, mailboxes and a `valija serve`; a name server for both; everybody else is an outsider.
//
// Promise: once built, all of it answers; it ends, and its directory goes, with the World. Nothing
// outside 127.0.0.0/8 is touched. Failure: Fault. Thread: main.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.hpp"
#include "platform/base/time.hpp"
#include "programs/lab/addresses.hpp"
#include "programs/lab/process.hpp"
#include "programs/lab/services.hpp"
#include "trust/authority/authority.hpp"

namespace valija::lab {

// How an organisation is called; the rest of it follows from this.
struct Identification {
    std::string name;   // of its folder, and of its file at the partner
    std::string title;  // for people
    std::string domain;
    std::string anchor;  // file name of its CA, without .pem
    std::string person;  // local part of the one mailbox
    unsigned host;       // last number of its server's address; the next two follow
};

struct Organisation {
    Identification who;
    std::string hostname;
    std::string home;     // for --home
    std::string address;  // of its mail server
    std::string inside;   // a host of its own people, who may send to everybody
    std::string mailbox;  // address of its one person
    Place lmtp;
    Place imap;
    Place web;  // of its revocation list
    std::string crl_url;
    std::string crl_file;
    std::string ca_certificate;  // file
    std::string ca_key;          // file
    std::string certificate;     // file, leaf first
    std::string key;             // file
    authority::Authority ca;
    std::optional<Child> web_server = {};
    std::optional<Child> mailboxes = {};
    std::optional<Child> server = {};
};

// A certificate with its key, in files, for a client program.
struct ClientCertificate {
    std::string certificate;
    std::string key;
};

class World {
  public:
    // `program` is this program's path; `root` an empty directory of the caller, which is removed
    // at the end.
    static Result<std::unique_ptr<World>> build(const std::string& program,
                                                const std::string& root);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    static constexpr const char* kPassword = "valija";  // of both mailboxes

    Organisation& contoso() { return *contoso_; }

    Organisation& woodgrove() { return *woodgrove_; }

    authority::Authority& stranger() { return *stranger_; }  // a CA that nobody trusts

    const std::string& root() const { return root_; }

    std::string name_server() const;  // addr@port

    uint16_t smtp_port() const { return smtp_port_; }

    std::string outsider() const { return block_.address(66); }

    std::string range() const { return block_.range(); }

    // `valija <words> --home <its home>`, to its end.
    Result<Finished> command(const Organisation& of, std::vector<std::string> words) const {
        return command(of.home, std::move(words));
    }

    Result<Finished> command(const std::string& home, std::vector<std::string> words) const;

    // A certificate for `host` as the organisation's own are; change the request at will.
    authority::LeafRequest request_for(const Organisation& of, const std::string& host) const;

    // Files for a client program to show.
    Result<ClientCertificate> write_certificate(const authority::Issued& issued);

    // Signs the list anew, with all that was revoked, where the web server gives it out.
    Result<void> publish_list(Organisation& of);

    // The organisation's mail server shows this certificate from now on, and those behind it.
    Result<void> install_certificate(const Organisation& of, const authority::Issued& issued,
                                     const std::vector<x509::Certificate>& behind = {});

    // Puts a revocation list on the organisation's web server; gives its URL.
    Result<std::string> publish(const Organisation& of, const std::string& file,
                                const std::string& list);

    // A CA that the organisation may name in `trust` of a partner.
    Result<void> write_anchor(const Organisation& of, const std::string& name,
                              const x509::Certificate& root);

    Result<void> start_server(Organisation& of);

    // The server of revocation lists; stop it by resetting `web_server`.
    Result<void> start_web(Organisation& of);

    // First mail exchanger of branch.woodgrovebank.com, with a certificate that nobody trusts.
    Result<void> start_decoy();

    void stop_decoy() { decoy_.reset(); }

    // Woodgrove Bank has a domain in a signed zone (DNSSEC) too, whose key the lab's servers know.
    std::string signed_domain() const { return "signed." + woodgrove_->who.domain; }

    // The TLSA records of its server, for this key (SHA-256 of the public key); empty: none.
    Result<void> publish_tlsa(const std::string& spki_sha256);

    // In the decoy's place a firewall before Woodgrove Bank's server, which masks STARTTLS.
    Result<void> start_firewall();

    // An address of the lab where nobody listens.
    Place nobody() const { return {.address = block_.address(99), .port = 9}; }

    std::string decoy_home() const;

  private:
    World(std::string program, std::string root)
        : program_(std::move(program)), root_(std::move(root)), block_(Block::random()) {}

    Result<void> found();
    Result<void> settle(Organisation& of);
    Result<void> befriend(const Organisation& of, const Organisation& partner) const;
    Result<void> start_services();
    Zone outsiders() const;
    Zone signed_zone(const std::string& records) const;

    std::string name_server_folder() const { return root_ + "/dns"; }

    std::string decoy_place() const;
    Result<Child> serve(const std::string& title, const std::string& home) const;
    Result<Organisation> organisation(const Identification& who) const;

    std::string program_;
    std::string root_;
    Block block_;
    uint16_t smtp_port_ = 0;
    Place name_server_place_;
    std::optional<authority::Authority> stranger_;
    std::optional<Organisation> contoso_;
    std::optional<Organisation> woodgrove_;
    std::optional<Child> name_server_;
    std::optional<Child> decoy_;
    unsigned written_ = 0;  // client certificates so far
    unsigned zone_serial_ = 1;
};

}  // namespace valija::lab
