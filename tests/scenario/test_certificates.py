"""`valija certificate …`: requests, imports, back-ups, as an operator types them; openssl(1) reads
what we write, and we read what openssl(1) writes."""

import datetime
import hashlib
import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from support import poll, world, x509_maker

SETTINGS = """\
hostname = "mail1.contoso.com"
accepted_domains = ["contoso.com", "contoso.example"]
"""


def openssl(*words, **options):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True,
                          check=False, **options)
    assert done.returncode == 0, f"openssl {words}: {done.stderr}"
    return done.stdout


class Office:
    """A server's home, a CA beside it, and files that go to and fro."""

    def __init__(self, path):
        self.path = path
        self.home = path / "home"
        (self.home / "etc").mkdir(parents=True)
        (self.home / "etc/valija.toml").write_text(SETTINGS)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "30", "-subj", "/CN=Contoso CA", "-keyout", self.file("ca.key"),
                "-out", self.file("ca.pem"))
        self.file("pass").write_text("s3cret\n")

    def file(self, name):
        return self.path / name

    def valija(self, *words):
        return world.valija(*map(str, words), home=self.home)

    def certificate(self, verb, *words):
        done = self.valija("certificate", verb, *words, "--json")
        assert done.status == 0, done
        return done.json

    def refused(self, *words):
        """The reason; nothing may have changed."""
        before = self.contents()
        done = self.valija("certificate", *words)
        assert done.status == 1, done
        assert self.contents() == before
        return done.err

    def contents(self):
        return {str(path): path.read_bytes() for path in self.home.rglob("*")
                if path.is_file() and path.name != ".lock"}

    def put(self, name, start, end, host="mail1.contoso.com"):
        """A certificate of some CA, with these dates, put into keys/ by hand."""
        day = datetime.timedelta(days=1)
        now = datetime.datetime.now(x509_maker.UTC).replace(tzinfo=None, microsecond=0)
        subject = x509_maker.name(host)
        made = x509_maker.certificate(subject, x509_maker.authority(),
                                      [x509_maker.san(f"dns:{host}")], start=now + start * day,
                                      end=now + end * day)
        (self.home / "keys").mkdir(mode=0o700, exist_ok=True)
        (self.home / f"keys/{name}.crt").write_text(made.pem)
        (self.home / f"keys/{name}.key").write_bytes(made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        (self.home / f"keys/{name}.key").chmod(0o600)
        return made

    def sign(self, request, days=30):
        """What the CA answers: a file with the certificate."""
        answer = self.file(f"answer-{len(os.listdir(self.path))}.pem")
        openssl("x509", "-req", "-in", request, "-CA", self.file("ca.pem"), "-CAkey",
                self.file("ca.key"), "-copy_extensions", "copyall", "-days", days, "-out", answer)
        return answer

    def pair(self, *more, name="mail1.contoso.com", key=("ec", "ec_paramgen_curve:P-256")):
        """A key and a self-signed certificate that openssl made."""
        openssl("req", "-x509", "-newkey", key[0], "-pkeyopt", key[1], "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                "-keyout", self.file("own.key"), "-out", self.file("own.pem"), *more)
        return self.file("own.pem"), self.file("own.key")


@pytest.fixture
def office(program, tmp_path):
    return Office(tmp_path)


@pytest.mark.parametrize("words, subject, names", [
    # EX-129: the four sample requests; EX-43, EX-44, EX-122, EX-128.
    (["--include-accepted-domains"], "CN = mail1.contoso.com",
     ["mail1.contoso.com", "contoso.com", "contoso.example"]),
    (["--include-accepted-domains", "--domain", "smtp.contoso.com", "--subject",
      "C=us, O=contoso corp, CN=mail1.contoso.com"],
     "C = US, O = contoso corp, CN = mail1.contoso.com",
     ["mail1.contoso.com", "smtp.contoso.com", "contoso.com", "contoso.example"]),
    (["--subject", "DC=com,DC=Contoso,CN=mail1.contoso.com", "--domain", "mail.contoso.com",
      "--friendly-name", "Internet certificate"],
     "DC = com, DC = Contoso, CN = mail1.contoso.com", ["mail1.contoso.com", "mail.contoso.com"]),
    (["--domain", "*.contoso.com", "--key", "rsa2048"], "CN = mail1.contoso.com",
     ["mail1.contoso.com", "*.contoso.com"]),
    ([], "CN = mail1.contoso.com", ["mail1.contoso.com"]),
])
def test_a_request_as_openssl_reads_it(office, words, subject, names):
    out = office.file("request.p7c")  # EX-45: the extension does not matter
    office.certificate("request", *words, "--out", out)
    assert out.read_text().startswith("-----BEGIN CERTIFICATE REQUEST-----")
    text = openssl("req", "-in", out, "-verify", "-noout", "-text", "-nameopt", "oneline,utf8")
    assert f"Subject: {subject}\n" in text
    assert ", ".join(f"DNS:{name}" for name in names) + "\n" in text


def test_a_request_in_der(office):
    office.certificate("request", "--der", "--out", office.file("a.req"))
    openssl("req", "-inform", "der", "-in", office.file("a.req"), "-verify", "-noout")


def test_a_long_name_stands_among_the_dns_names(office):
    """EX-109."""
    name = "mail." + "a" * 60 + ".contoso.com"
    (office.home / "etc/valija.toml").write_text(f'hostname = "{name}"\n')
    office.certificate("request", "--out", office.file("a.req"))
    text = openssl("req", "-in", office.file("a.req"), "-noout", "-text")
    assert f"DNS:{name}" in text and "Subject: \n" in text
    assert "Subject Alternative Name: critical" in text
    assert "--domain" in office.refused("request", "--subject", f"CN={name}", "--out",
                                        office.file("b.req"))


def test_from_the_request_to_the_certificate_in_use(office):
    """EH-01, EX-50, EX-52, EX-53."""
    office.certificate("request", "--include-accepted-domains", "--out", office.file("a.req"))
    pending, = office.certificate("list")
    assert pending["status"] == "PendingRequest" and pending["hasPrivateKey"]
    answer = office.sign(office.file("a.req"))
    openssl("crl2pkcs7", "-nocrl", "-certfile", office.file("ca.pem"), "-certfile", answer,
            "-outform", "der", "-out", office.file("a.p7b"))
    done = office.certificate("import", office.file("a.p7b"))
    assert done["boundToPendingRequest"] and done["services"] == [] and len(done["chain"]) == 2
    assert len(done["thumbprint"]) == 40 and not done["privateKeyExportable"]
    assert office.valija("certificate", "list", "--domain", "contoso.com").status == 1
    office.certificate("enable", done["thumbprint"], "--services", "smtp")
    first, = office.certificate("list", "--domain", "contoso.com")
    assert first["used"] and first["thumbprint"] == done["thumbprint"]
    shown = office.certificate("show", done["thumbprint"])
    assert shown["status"] == "Untrusted"
    (office.home / "etc/anchors").mkdir()
    (office.home / "etc/anchors/contoso.pem").write_text(office.file("ca.pem").read_text())
    shown = office.certificate("show", done["thumbprint"])
    assert (shown["status"], shown["rootCAType"]) == ("Valid", "Enterprise")
    assert shown["certificateDomains"] == ["mail1.contoso.com", "contoso.com", "contoso.example"]


def test_a_certificate_without_its_key_is_refused(office):
    """EX-51."""
    certificate, _ = office.pair()
    assert "no pending request" in office.refused("import", certificate)


def test_a_key_that_needs_a_pass_phrase_is_refused(office):
    """EX-49."""
    certificate, key = office.pair()
    for words in (["pkey", "-aes128"], ["ec", "-aes128"]):
        openssl(words[0], "-in", key, words[1], "-passout", "pass:x", "-out", office.file("p.key"))
        assert "pass-phrase" in office.refused("import", certificate, "--key", office.file("p.key"))


@pytest.mark.parametrize("more", [[], ["-legacy"], ["-keypbe", "PBE-SHA1-3DES", "-certpbe",
                                                    "PBE-SHA1-3DES", "-macalg", "sha1"]])
def test_a_pkcs12_of_openssl_and_of_old_windows(office, more):
    """EX-48, EX-51: with its key, never exportable again."""
    certificate, key = office.pair()
    openssl("pkcs12", "-export", "-in", certificate, "-inkey", key, "-passout", "pass:s3cret",
            "-out", office.file("own.pfx"), *more)
    assert "--password-file" in office.refused("import", office.file("own.pfx"))
    office.file("wrong").write_text("guess")
    assert "password is wrong" in office.refused("import", office.file("own.pfx"),
                                                 "--password-file", office.file("wrong"))
    done = office.certificate("import", office.file("own.pfx"), "--password-file",
                              office.file("pass"))
    assert done["isSelfSigned"] and not done["privateKeyExportable"]
    assert "not exportable" in office.refused("export", done["thumbprint"], "--out",
                                              office.file("x"), "--password-file",
                                              office.file("pass"))
    assert "there already" in office.refused("import", office.file("own.pfx"), "--password-file",
                                             office.file("pass"))


@pytest.mark.parametrize("key", [("rsa", "rsa_keygen_bits:2048"), ("rsa", "rsa_keygen_bits:4096"),
                                 ("ec", "ec_paramgen_curve:P-384")])
def test_the_kinds_of_keys_that_are_taken(office, key):
    certificate, file = office.pair(key=key)
    done = office.certificate("import", certificate, "--key", file)
    stored = office.home / "keys" / f"{done['name']}.key"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


@pytest.mark.parametrize("key", [("rsa", "rsa_keygen_bits:1024"),
                                 ("ec", "ec_paramgen_curve:secp256k1")])
def test_the_kinds_of_keys_that_are_not(office, key):
    certificate, file = office.pair(key=key)
    assert "RSA" in office.refused("import", certificate, "--key", file)


def test_a_backup_restores_on_a_second_edge(office, tmp_path_factory):
    """EX-42, EX-46, EX-47: PKCS#12 with the key, DER without it; openssl reads both."""
    made = office.certificate("new", "--exportable", "--friendly-name", "edge one")
    thumbprint = made["thumbprint"]
    office.certificate("export", thumbprint, "--password-file", office.file("pass"), "--out",
                       office.file("backup.pfx"))
    assert stat.S_IMODE(office.file("backup.pfx").stat().st_mode) == 0o600
    text = openssl("pkcs12", "-in", office.file("backup.pfx"), "-passin", "pass:s3cret", "-nodes")
    assert "BEGIN PRIVATE KEY" in text and "friendlyName: edge one" in text
    office.certificate("export", thumbprint, "--der", "--out", office.file("a.cer"))
    printed = openssl("x509", "-inform", "der", "-in", office.file("a.cer"), "-noout",
                      "-fingerprint", "-sha1")
    assert printed.strip().replace(":", "").endswith(thumbprint)
    assert "there already" in office.refused("export", thumbprint, "--der", "--out",
                                             office.file("a.cer"))
    edge = Office(tmp_path_factory.mktemp("second"))
    done = edge.certificate("import", office.file("backup.pfx"), "--password-file",
                            office.file("pass"), "--exportable")
    assert done["thumbprint"] == thumbprint and done["privateKeyExportable"]


def test_a_self_signed_certificate_has_all_known_names(office):
    """EX-124."""
    made = office.certificate("new")
    assert made["certificateDomains"] == ["mail1.contoso.com", "contoso.com", "contoso.example"]
    assert made["services"] == ["smtp"] and made["isSelfSigned"]
    text = openssl("x509", "-in", office.home / "keys" / f"{made['name']}.crt", "-noout", "-text")
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text


def test_a_clone_has_the_names_and_another_key(office):
    """EX-125, EX-126, EX-127."""
    made = office.certificate("new")
    clone = office.certificate("clone", made["thumbprint"])
    assert clone["subject"] == made["subject"]
    assert clone["certificateDomains"] == made["certificateDomains"]
    keys = [openssl("pkey", "-in", office.home / "keys" / f"{one['name']}.key", "-pubout")
            for one in (made, clone)]
    assert keys[0] != keys[1]
    office.certificate("clone", made["thumbprint"], "--request", "--subject",
                       "C=us, O=contoso corp, CN=mail1.contoso.com", "--out", office.file("c.req"))
    text = openssl("req", "-in", office.file("c.req"), "-noout", "-text")
    assert "O = contoso corp" in text and "DNS:contoso.example" in text


def test_the_one_in_use_is_not_removed_unless_another_takes_over(office):
    """Semantics 2.4."""
    first = office.certificate("new")
    assert "receive connector Inet" in office.refused("remove", first["thumbprint"])
    office.certificate("new")
    done = office.certificate("remove", first["thumbprint"])
    assert done["removed"] == first["thumbprint"]
    assert len(office.certificate("list")) == 1


@pytest.mark.parametrize("start, end", [(-20, -1), (1, 20)])
def test_one_whose_dates_do_not_hold_takes_over_from_none_that_holds(office, start, end):
    """Semantics 2.4."""
    first = office.certificate("new", "--domain", "mail1.contoso.com")
    office.put("other", start, end)
    nobody = "no other certificate as good can take over"
    assert nobody in office.refused("remove", first["thumbprint"])
    office.put("good", -1, 20)
    assert nobody in office.refused("remove", "good")  # the next one is self-signed
    office.put("older", -2, 20)
    assert office.certificate("remove", "good")["takenOver"]
    for gone in (first["name"], "older"):
        os.remove(office.home / f"keys/{gone}.crt")
    office.put("next", start, end)
    used = office.certificate("list", "--domain", "mail1.contoso.com")[0]["name"]
    assert office.certificate("remove", used)["takenOver"]


def test_dates_that_end_before_they_begin_are_only_invalid(office):
    made = office.put("odd", 5, -5)
    shown, = office.certificate("list")
    assert shown["status"] == "DateInvalid"
    assert office.certificate("show", "odd")["status"] == "DateInvalid"
    office.file("odd.pem").write_text(made.pem)
    key = office.file("odd.key")
    (office.home / "keys/odd.key").rename(key)
    os.remove(office.home / "keys/odd.crt")
    assert "ends before it begins" in office.refused("import", office.file("odd.pem"), "--key", key)


def test_a_renewal_that_is_worse_changes_nothing(office):
    """Semantics 2.3: what would be used after the old one does not replace it."""
    office.put("old", -1, 20)
    certificate, key = office.pair()
    refusal = office.refused("import", certificate, "--key", key, "--replace")
    assert "nothing is replaced: old would be used before it" in refusal


def test_a_renewal_for_a_pending_request_replaces(office):
    old = office.certificate("new")
    office.certificate("request", "--include-accepted-domains", "--out", office.file("a.req"))
    done = office.certificate("import", office.sign(office.file("a.req")), "--replace")
    assert done["boundToPendingRequest"] and done["services"] == ["smtp"]
    assert done["replaced"] == [old["thumbprint"]]
    left, = office.certificate("list")
    assert left["thumbprint"] == done["thumbprint"]


def test_a_renewal_for_the_same_key_obeys_the_configuration(office):
    office.certificate("request", "--out", office.file("a.req"))
    first = office.certificate("import", office.sign(office.file("a.req")))
    office.certificate("enable", first["thumbprint"], "--services", "smtp")
    (office.home / "etc/connectors.d").mkdir()
    connector = office.home / "etc/connectors.d/Out.toml"
    connector.write_text(f'kind = "send"\ncertificate = "{first["thumbprint"]}"\n')
    again = office.sign(office.file("a.req"), days=60)
    assert "the configuration names it" in office.refused("import", again, "--replace")
    connector.unlink()
    poll.until("a second has passed since the first one's notBefore", lambda: (
        datetime.datetime.now(x509_maker.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        > first["notBefore"]))
    done = office.certificate("import", office.sign(office.file("a.req")), "--replace")
    assert done["replaced"] == [first["thumbprint"]] and done["services"] == ["smtp"]


def spoiled(office, kind):
    certificate, key = office.pair()
    der = subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "der"],
                         capture_output=True, check=True).stdout
    text = certificate.read_bytes()
    return {
        "empty": b"",
        "truncated DER": der[:-20],
        "truncated PEM": text[:len(text) // 2],
        "trailing bytes": der + b"x",
        "two keys": text + key.read_bytes() + office.file("ca.key").read_bytes(),
        "another's key": text + office.file("ca.key").read_bytes(),
        "no certificate": key.read_bytes(),
        "oversized": b"x" * (2 << 20),
        "something else": b"PK\x03\x04 not a certificate",
    }[kind]


@pytest.mark.parametrize("kind, word", [
    ("empty", "empty"), ("truncated DER", "cut off"), ("truncated PEM", "cut off"),
    ("trailing bytes", "neither"), ("two keys", "two private keys"),
    ("another's key", "not the key of any"), ("no certificate", "no certificate"),
    ("oversized", "larger"), ("something else", "neither")])
def test_bad_input_is_a_clear_error(office, kind, word):
    office.file("bad").write_bytes(spoiled(office, kind))
    assert word in office.refused("import", office.file("bad"))


@pytest.mark.parametrize("words, word", [
    (["--subject", "XY=1"], "character 1"), (["--domain", "mail_1.contoso.com"], "underscore"),
    (["--domain", "a b.com"], "not a DNS name"), (["--domain", "a,DNS:b.com"], "not a DNS name"),
    (["--key", "rsa1024"], "p256"), (["--subject", b"CN=a\xff"], "UTF-8")])
def test_bad_names_are_a_clear_error(office, words, word):
    words = [os.fsdecode(one) for one in words]
    assert word in office.refused("request", *words, "--out", office.file("x.req"))
    assert not office.file("x.req").exists()


def test_the_running_server_takes_a_new_certificate(home, serve):
    """A reload after each change: new sessions see the new certificate, an open one goes on."""
    first = home.valija("certificate", "new", "--json").json
    server = serve()

    def shown(session):
        session.starttls()
        der = session.socket.getpeercert(True)
        return hashlib.sha1(der).hexdigest().upper()

    old = server.client()
    assert shown(old) == first["thumbprint"]
    made = home.valija("certificate", "clone", first["thumbprint"], "--json")
    assert made.status == 0 and made.json["server"] == "reloaded", made
    assert home.valija("certificate", "remove", first["thumbprint"]).status == 0
    assert shown(server.client()) == made.json["thumbprint"]
    assert old.say("NOOP").code == 250


def test_a_renewal_removes_the_old_one_only_when_the_server_has_the_new_one(home, serve, tmp_path):
    office = Office(tmp_path / "ca")
    home.write("etc/anchors/partner.pem", office.file("ca.pem").read_text())
    home.write("etc/partners.d/fabrikam.toml",
               'domains = ["fabrikam.com"]\ntrust = ["partner"]\n')
    old = home.valija("certificate", "new", "--domain", "mail.contoso.com", "--json").json
    serve()

    def renew():
        office.pair(name="mail.contoso.com")
        openssl("req", "-new", "-key", office.file("own.key"), "-subj", "/CN=mail.contoso.com",
                "-addext", "subjectAltName=DNS:mail.contoso.com", "-out", office.file("a.req"))
        return home.valija("certificate", "import", office.sign(office.file("a.req")), "--key",
                           office.file("own.key"), "--replace", "--json")

    anchor = home.path / "etc/anchors/partner.pem"
    anchor.rename(tmp_path / "away.pem")
    done = renew()
    assert done.status != 0 and done.json["server"] == "refused", done
    assert done.json["replaced"] == [] and f"{old['name']} stays" in done.err
    assert (home.path / f"keys/{old['name']}.key").exists()
    (tmp_path / "away.pem").rename(anchor)
    assert home.valija("reload").status == 0
    assert home.valija("certificate", "remove", old["name"]).status == 0
    (left,) = home.valija("certificate", "list", "--json").json
    assert left["thumbprint"] == done.json["thumbprint"]


def test_setup_makes_a_configuration_that_serves(program, tmp_path):
    """EX-04, EX-124: a certificate with all known names, and the records to publish."""
    made = world.valija("setup", "contoso.example", "--json", home=tmp_path / "new")
    assert made.status == 0, made
    key = tmp_path / "new/keys/mail.contoso.example.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    certificate = tmp_path / "new/keys/mail.contoso.example.crt"
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public.encode(),
                          capture_output=True, check=True).stdout
    records = {record["type"]: record for record in made.json["records"]}
    assert records["TLSA"]["data"] == f"3 1 1 {hashlib.sha256(spki).hexdigest()}"
    assert records["MX"]["data"] == "10 mail.contoso.example."
    assert world.valija("config", "check", home=tmp_path / "new").status == 0
    shown = world.valija("certificate", "show", "mail.contoso.example", "--json",
                         home=tmp_path / "new").json
    assert shown["certificateDomains"] == ["mail.contoso.example", "contoso.example"]


def test_setup_never_overwrites(office):
    before = (office.home / "etc/valija.toml").read_text()
    done = office.valija("setup", "contoso.example")
    assert done.status == 1 and "there already" in done.err
    assert (office.home / "etc/valija.toml").read_text() == before
    assert not (office.home / "keys").exists()


@pytest.mark.parametrize("name", ["contoso", "con_toso.example", "*.contoso.example", "a b.c",
                                  "192.0.2.7"])
def test_setup_wants_a_domain(program, tmp_path, name):
    assert world.valija("setup", name, home=tmp_path / "new").status == 64
    assert not (tmp_path / "new").exists()
