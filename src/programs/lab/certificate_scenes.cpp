// Group `certificates`: how a certificate comes to a server, and what is refused.
#include <fmt/format.h>

#include "platform/store/file.hpp"
#include "programs/lab/office.hpp"
#include "programs/lab/scene_steps.hpp"

namespace valija::lab {
namespace {

std::string text(const boost::json::value& facts, std::string_view name) {
    const auto* found = facts.as_object().if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
}

std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

// What a CA makes of a request, or a person of a key: files of the office.
Result<void> sign(const Office& office, const Organisation& by, const std::string& request,
                  const std::string& answer) {
    return office.openssl({"x509", "-req", "-in", request, "-CA", by.ca_certificate, "-CAkey",
                           by.ca_key, "-copy_extensions", "copyall", "-days", "30", "-out",
                           answer});
}

Result<void> pair_of_files(const Office& office, const std::string& name) {
    return office.openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                           "/CN=" + name, "-addext", "subjectAltName=DNS:" + name, "-keyout",
                           office.file(name + ".key"), "-out", office.file(name + ".pem")});
}

// ---- the first day

Result<void> first_day(Stage& stage) {
    const std::string home = stage.world().root() + "/office-first";
    const auto told =
        tell_command(stage, home, {"setup", "contoso.com", "--hostname", "mail.contoso.com"}, 0);
    if (!told) return std::unexpected(told.error());
    const auto shown = facts_of(stage.world(), home, {"certificate", "show", "mail.contoso.com"});
    if (!shown) return std::unexpected(shown.error());
    stage.compare("issued by", "ourselves",
                  shown->at("isSelfSigned").as_bool() ? "ourselves" : text(*shown, "issuer"));
    stage.compare("its names", R"(["mail.contoso.com","contoso.com"])",
                  boost::json::serialize(shown->at("certificateDomains")));
    return {};
}

// ---- asking a CA

Result<void> from_request_to_use(Stage& stage) {
    const auto office = Office::open(stage, "request");
    if (!office) return std::unexpected(office.error());
    const auto told = office->tell(
        {"certificate", "request", "--include-accepted-domains", "--out", office->file("mail.req")},
        0);
    if (!told) return std::unexpected(told.error());
    const auto before = office->keys();
    stage.tell("Contoso's CA signs the request");
    auto done = sign(*office, stage.world().contoso(), office->file("mail.req"),
                     office->file("answer.pem"));
    if (!done) return done;
    const auto bound = office->facts({"certificate", "import", office->file("answer.pem")});
    if (!bound) return std::unexpected(bound.error());
    stage.tell("$ valija certificate import answer.pem");
    stage.tell(fmt::format("{} {}", text(*bound, "thumbprint"), text(*bound, "subject")));
    stage.compare("bound to the key that waited", "yes",
                  yes_or_no(bound->at("boundToPendingRequest").as_bool()));
    stage.compare("keys made or copied by that", "none",
                  office->keys() == before ? "none" : "some");
    const auto enabled = office->tell(
        {"certificate", "enable", text(*bound, "thumbprint"), "--services", "smtp"}, 0);
    return enabled ? Result<void>() : std::unexpected(enabled.error());
}

// ---- what is refused

Result<void> refused(Stage& stage, const Office& office, std::vector<std::string> words,
                     const std::string& reason) {
    const auto done = stage.world().command(office.home(), words);
    if (!done) return std::unexpected(done.error());
    words.pop_back();
    stage.tell("$ valija " + words.front() + " " + words[1] + " …");
    stage.tell_output(done->err);
    stage.compare("the reason", reason, done->err.contains(reason) ? reason : done->err);
    stage.compare("keys that were kept", "0", std::to_string(office.keys().size()));
    return {};
}

Result<void> without_key(Stage& stage) {
    const auto office = Office::open(stage, "foreign");
    if (!office) return std::unexpected(office.error());
    auto done = pair_of_files(*office, "mail.contoso.com");
    if (!done) return done;
    stage.tell("a certificate whose key is on another machine:");
    return refused(stage, *office, {"certificate", "import", office->file("mail.contoso.com.pem")},
                   "there is no private key with it");
}

Result<void> pass_phrase(Stage& stage) {
    const auto office = Office::open(stage, "phrase");
    if (!office) return std::unexpected(office.error());
    auto done = pair_of_files(*office, "mail.contoso.com");
    if (done) {
        done = office->openssl({"pkey", "-aes256", "-passout", "pass:secret", "-in",
                                office->file("mail.contoso.com.key"), "-out",
                                office->file("protected.key")});
    }
    if (!done) return done;
    return refused(stage, *office,
                   {"certificate", "import", office->file("mail.contoso.com.pem"), "--key",
                    office->file("protected.key")},
                   "nobody is there to type it");
}

// ---- keys that came, and whether they leave

Result<void> old_windows(Stage& stage) {
    const auto office = Office::open(stage, "windows");
    if (!office) return std::unexpected(office.error());
    auto done = pair_of_files(*office, "mail.contoso.com");
    if (done) done = store::write_file(office->file("password"), "s3cret\n", 0600);
    if (done) {
        done = office->openssl({"pkcs12", "-export", "-legacy", "-passout", "pass:s3cret", "-in",
                                office->file("mail.contoso.com.pem"), "-inkey",
                                office->file("mail.contoso.com.key"), "-out",
                                office->file("edge.pfx")});
    }
    if (!done) return done;
    stage.tell("a PFX encrypted with RC2 and 3DES, as an old Windows server writes it:");
    const auto taken = office->facts({"certificate", "import", office->file("edge.pfx"),
                                      "--password-file", office->file("password")});
    if (!taken) return std::unexpected(taken.error());
    stage.tell(fmt::format("{} {}", text(*taken, "thumbprint"), text(*taken, "subject")));
    stage.compare("the key came along", "yes", yes_or_no(taken->at("hasPrivateKey").as_bool()));
    const auto leaves =
        office->tell({"certificate", "export", text(*taken, "thumbprint"), "--password-file",
                      office->file("password"), "--out", office->file("copy.pfx")},
                     1);
    return leaves ? Result<void>() : std::unexpected(leaves.error());
}

Result<void> second_edge(Stage& stage) {
    const auto first = Office::open(stage, "edge1");
    const auto second = Office::open(stage, "edge2");
    for (const auto* office : {&first, &second}) {
        if (!*office) return std::unexpected(office->error());
    }
    auto done = store::write_file(first->file("password"), "s3cret\n", 0600);
    if (!done) return done;
    const auto made = first->facts({"certificate", "new", "--exportable"});
    if (!made) return std::unexpected(made.error());
    const auto sealed =
        first->tell({"certificate", "export", text(*made, "thumbprint"), "--password-file",
                     first->file("password"), "--out", first->file("backup.pfx")},
                    0);
    if (!sealed) return std::unexpected(sealed.error());
    const auto taken = second->facts({"certificate", "import", first->file("backup.pfx"),
                                      "--password-file", first->file("password")});
    if (!taken) return std::unexpected(taken.error());
    stage.compare("the second edge shows", text(*made, "thumbprint"), text(*taken, "thumbprint"));
    stage.compare("may leave the second edge", "no",
                  yes_or_no(taken->at("privateKeyExportable").as_bool()));
    return {};
}

Result<void> a_clone(Stage& stage) {
    const auto office = Office::open(stage, "clone");
    if (!office) return std::unexpected(office.error());
    const auto made = office->facts(
        {"certificate", "new", "--domain", "mail.contoso.com", "--domain", "contoso.com"});
    if (!made) return std::unexpected(made.error());
    const auto clone = office->facts({"certificate", "clone", text(*made, "thumbprint")});
    if (!clone) return std::unexpected(clone.error());
    stage.tell(
        fmt::format("{} and its clone {}", text(*made, "thumbprint"), text(*clone, "thumbprint")));
    stage.compare("the clone's names", boost::json::serialize(made->at("certificateDomains")),
                  boost::json::serialize(clone->at("certificateDomains")));
    stage.compare("keys there are now", "2", std::to_string(office->keys().size()));
    return {};
}

}  // namespace

std::vector<Scene> certificate_scenes() {
    return {
        {kCertificateGroup, "first-day", "The first day: a certificate of our own making",
         "`valija setup` makes one with all names it knows, so that STARTTLS works both ways at\n"
         "once, and says what to publish. Partners will want one of a CA that they trust.",
         first_day},
        {kCertificateGroup, "request", "From the request to the certificate in use",
         "The key is made here and waits; the CA's answer finds it by itself.",
         from_request_to_use},
        {kCertificateGroup, "no-key", "A certificate without its key is refused",
         "It was asked for on another machine. Nothing is kept.", without_key},
        {kCertificateGroup, "pass-phrase", "A key with a pass-phrase is refused",
         "Nobody could type it when the server starts.", pass_phrase},
        {kCertificateGroup, "old-windows", "A PFX of an old Windows server",
         "Read with the ciphers of that time. Its key will never leave again.", old_windows},
        {kCertificateGroup, "second-edge", "A back-up restores on a second edge",
         "The key was made exportable; it travels sealed, and stays where it arrives.",
         second_edge},
        {kCertificateGroup, "clone", "A clone has the names and another key",
         "For a renewal, or for another server of the same name.", a_clone},
    };
}

}  // namespace valija::lab
