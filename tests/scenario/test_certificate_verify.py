"""`valija certificate verify` as an operator types it (EX-41, EX-42, CI-42)."""

import http.server
import subprocess
import threading

import pytest
from support import x509_maker as maker
from support.world import valija

AT = ("--at", maker.NOW)
PLAIN = {"LC_ALL": "C"}


@pytest.fixture
def chain(tmp_path):
    """A root, an intermediate and a leaf for mail.example.com, as files."""
    class Chain:
        root = maker.authority("Fabrikam Root")
        ca = maker.authority("Fabrikam CA", root)
        leaf = maker.leaf(ca, san=maker.san("dns:mail.example.com", "dns:b.example.com"))

        def write(self, name, content):
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return path

        def verify(self, *words, file=None, **options):
            return valija("certificate", "verify", file or self.file, *AT, *words,
                          environment=PLAIN, **options)

    made = Chain()
    made.file = made.write("chain.pem", made.leaf.pem + made.ca.pem)
    made.trust = ("--trust", made.write("root.pem", made.root.pem))
    return made


def test_a_good_chain_is_accepted_without_server_and_home(program, chain):
    """EX-41: builds the chain and checks it, from a file, on the server itself."""
    done = chain.verify(*chain.trust, "--name", "mail.example.com")
    assert done.status == 0, done
    assert "accepted" in done.out and done.err == ""


def test_the_facts_of_the_manual_check_are_printed(program, chain):
    """CI-42: subject CN, every DNS name."""
    done = chain.verify(*chain.trust)
    for fact in ("example.com", "mail.example.com", "b.example.com", "CN=Fabrikam CA"):
        assert fact in done.out
    facts = chain.verify(*chain.trust, "--json").json["certificate"]
    assert facts["common_names"] == ["example.com"]
    assert facts["dns_names"] == ["mail.example.com", "b.example.com"]


def test_failures_come_first_with_fix_and_who_must_act(program, chain):
    done = chain.verify(*chain.trust, "--name", "other.example")
    assert done.status == 1
    lines = done.out.splitlines()
    assert "rejected at the step identity" in lines[0]
    assert lines[1].split()[:2] == ["fail", "identity"] and "SubjectMismatch" in lines[1]
    assert "fix (partner)" in lines[2]
    assert "compared" in done.out
    everything = chain.verify(*chain.trust, "--name", "other.example", "--all").out
    assert "CN=Fabrikam Root" in everything and "verdict" in everything


def test_json_is_the_same_object_whatever_the_terminal_speaks(program, chain):
    words = ("certificate", "verify", chain.file, *AT, *chain.trust, "--name", "other.example",
             "--json")
    english = valija(*words, environment={"LC_ALL": "C"}).json
    assert valija(*words, environment={"LC_ALL": "es_ES.UTF-8"}).json == english
    assert english["verdict"] == "rejected"
    assert [certificate["subject"] for certificate in english["path"]] == [
        "CN=example.com", "CN=Fabrikam CA", "CN=Fabrikam Root"]
    steps = {step["step"]: step for step in english["ladder"]}
    assert steps["chain"]["state"] == "pass" and steps["identity"]["who"] == "partner"
    assert english["comparison"][0]["reference"] == "other.example"
    spanish = valija(*words, "--lang", "es").json
    assert spanish["ladder"] != english["ladder"]
    assert [step["step"] for step in spanish["ladder"]] == list(steps)


def test_the_terminals_language_is_spoken(program, chain):
    words = ("certificate", "verify", chain.file, *AT, *chain.trust)
    spanish = valija(*words, environment={"LC_ALL": "es_MX.UTF-8"}).out
    assert "aceptado" in spanish and "cadena" in spanish
    assert "accepted" in valija(*words, "--lang", "en", environment={"LANG": "es_ES"}).out


def test_the_letter_to_the_partner_is_ready_to_send(program, chain):
    done = chain.verify("--trust", chain.write("x.pem", maker.authority("x").pem), "--name",
                        "mail.example.com", "--text-for-partner")
    assert done.status == 1
    head, _, body = done.out.partition("\n\n")
    assert head.startswith("To: postmaster@mail.example.com\nSubject: ")
    assert "openssl x509" in body and "Please" in body
    spanish = chain.verify("--text-for-partner", "--lang", "es", "--name", "other.example").out
    assert "Un cordial saludo" in spanish


def test_the_letter_goes_to_nobody_whom_the_certificate_chose(program, chain):
    """A name of the certificate is an address only where it is a host name."""
    for names in (("dns:x.com, attacker@evil.example", "dns:*.contoso.com"), ("dns:*.contoso.com",)):
        leaf = maker.leaf(chain.ca, san=maker.san(*names))
        file = chain.write("to.pem", leaf.pem)
        to = chain.verify("--trust", file, "--text-for-partner", file=file).out.splitlines()[0]
        assert to == "To: postmaster@contoso.com", to


@pytest.mark.parametrize("form", ["DER", "PEM", "PKCS#7 DER", "PKCS#7 PEM"])
def test_every_form_of_file_is_read(program, chain, form):
    """EX-42: DER encoded binary X.509 (.CER), and the others."""
    if form.startswith("PKCS#7"):
        outform = form.split()[1]
        content = subprocess.run(["openssl", "crl2pkcs7", "-nocrl", "-certfile", chain.file,
                                  "-outform", outform], capture_output=True, check=True).stdout
    else:
        content = chain.leaf.der if form == "DER" else chain.file.read_bytes()
    words = () if form != "DER" else ("--untrusted", chain.write("ca.der", chain.ca.der))
    done = chain.verify(*chain.trust, *words, file=chain.write("some.cer", content))
    assert done.status == 0, done


def test_lists_revoke_and_a_missing_one_refuses(program, chain):
    of_root = ("--crl", chain.write("root.crl", maker.crl(chain.root)))
    of_ca = ("--crl", chain.write("ca.crl", maker.crl(chain.ca)))
    revoking = ("--crl", chain.write("revoking.crl", maker.crl(chain.ca, [chain.leaf.serial])))
    assert chain.verify(*chain.trust, *of_root, *of_ca).status == 0
    revoked = chain.verify(*chain.trust, *of_root, *revoking, "--json")
    assert revoked.status == 1
    assert [step["reason"] for step in revoked.json["ladder"]
            if step["step"] == "revocation"] == ["Revoked"]
    assert chain.verify(*chain.trust, *of_root).status == 1


@pytest.fixture
def shop():
    """A web server on loopback that gives what `content` holds by path."""
    content = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path in content
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(content.get(self.path, b""))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield content, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetch_gets_the_lists_that_the_certificates_name(program, chain, shop):
    """EX-41: revocation included. Unreachable: could not tell."""
    content, address = shop

    def point(path):
        full = maker.tlv(0xA0, maker.tlv(0xA0, maker.general_name(f"uri:{address}{path}")))
        return maker.raw("2.5.29.31", maker.sequence(maker.sequence(full)))

    ca = maker.authority("Fabrikam CA", chain.root, cdp=point("/root.crl"))
    leaf = maker.leaf(ca, cdp=point("/ca.crl"))
    file = chain.write("published.pem", leaf.pem + ca.pem)
    missing = chain.verify(*chain.trust, "--fetch", file=file)
    assert missing.status == 2, missing
    content["/root.crl"], content["/ca.crl"] = maker.crl(chain.root), maker.crl(ca)
    good = chain.verify(*chain.trust, "--fetch", file=file)
    assert good.status == 0, good
    content["/ca.crl"] = maker.crl(ca, [leaf.serial])
    assert chain.verify(*chain.trust, "--fetch", file=file).status == 1


def test_a_pin_and_a_tlsa_record_prove_a_server(program, chain):
    facts = chain.verify(*chain.trust, "--json").json["certificate"]
    pin = facts["spki_sha256"]
    assert chain.verify("--pin", pin).status == 0
    assert chain.verify("--pin", "0" * 64).status == 1
    assert chain.verify("--tlsa", chain.write("tlsa", f"3 1 1 {pin}\n")).status == 0
    assert chain.verify("--tlsa", chain.write("tlsa", f"3 1 1 {'0' * 64}\n")).status == 1
    assert chain.verify("--tlsa", chain.write("tlsa", f"# none\n0 0 1 {pin}\n")).status == 1
    assert chain.verify("--tlsa", chain.write("tlsa", "3 1 1 xyz\n")).status == 64


def test_wrong_words_are_usage_errors(program, chain):
    for words in (("--profile", "loose"), ("--purpose", "both"), ("--at", "yesterday"),
                  ("--max-intermediates", "-1"), ("--max-intermediates", "x"),
                  ("--ip", "example.com"), ("--email", "example.com"), ("--pin", "x"), ("--name", ".", "--ip", "192.0.2.1"),
                  ("--lang", "fr"), ("--profile", "dane"), ("--profile", "pinned"), ("--name", ""),
                  ("--crl", chain.file, "--fetch"), ("--no-such-option",)):
        done = valija("certificate", "verify", chain.file, *words, environment=PLAIN)
        assert done.status == 64, (words, done)
        assert done.out == "" and "Traceback" not in done.err


def test_a_file_that_is_not_there_leaves_the_answer_open(program, chain, tmp_path):
    for file in (tmp_path / "missing.pem", tmp_path):
        assert chain.verify(*chain.trust, file=file).status == 2
        assert chain.verify("--trust", file).status == 2
        assert chain.verify(*chain.trust, "--crl", file).status == 2


HOSTILE = {"empty": b"", "a NUL": b"\0", "garbage": b"garbage",
           "a lying length": b"\x30\x84\xff\xff\xff\xff",
           "a block without end": b"-----BEGIN CERTIFICATE-----\n",
           "a block of nothing": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
           "40,000 levels": b"\x30\x80" * 40_000, "50 MB": b"\xff" * (50 << 20)}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_rejected_and_never_crash(program, chain, what):
    """A malformed certificate is rejected; among anchors it is left out; as a list it refuses."""
    file = chain.write("hostile", HOSTILE[what])
    assert chain.verify(*chain.trust, file=file).status == 1
    beside = chain.verify(*chain.trust, "--trust", file, "--untrusted", file)
    assert beside.status == 0 and "left out" in beside.out
    assert chain.verify("--trust", file).status == 1
    assert chain.verify(*chain.trust, "--crl", file).status == 1


def test_ten_thousand_certificates_are_borne(program, chain):
    many = chain.write("many.pem", maker.authority("x").pem * 10_000)
    assert chain.verify(*chain.trust, "--trust", many).status == 0
    done = chain.verify(*chain.trust, "--untrusted", many)
    assert done.status == 0 and "only the first" in done.out


def test_a_private_key_in_the_file_is_never_printed(program, chain):
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                          "ec_paramgen_curve:P-256"], capture_output=True, check=True,
                         text=True).stdout
    file = chain.write("both.pem", key + chain.leaf.pem + chain.ca.pem)
    secrets = [line for line in key.splitlines() if not line.startswith("-----")]
    for words in ((), ("--all",), ("--json",), ("--text-for-partner",)):
        done = chain.verify(*chain.trust, *words, file=file)
        assert done.status == 0, done
        assert not any(secret in done.out + done.err for secret in secrets)


def test_names_cannot_forge_what_is_printed(program, chain):
    """A NUL hides nothing, and a terminal obeys nobody's certificate."""
    evil = maker.leaf(chain.ca, subject=maker.name("a\x1b[2J\x1b]0;x\x07b"),
                      san=maker.san("dns:mail.example.com\0.evil.example", "dns:\x1b[31m"))
    file = chain.write("evil.pem", evil.pem + chain.ca.pem)
    for words in ((), ("--all",), ("--json",), ("--text-for-partner",), ("--profile", "exchange")):
        done = chain.verify(*chain.trust, "--name", "mail.example.com", *words, file=file)
        assert done.status == 1, done
        assert "\x1b" not in done.out and "\0" not in done.out and "\x07" not in done.out


def test_a_damaged_certificate_among_good_ones_rejects_the_file(program, chain):
    damaged = chain.leaf.pem.replace("MII", "AAA", 1)
    assert chain.verify(*chain.trust, file=chain.write("d.pem", chain.leaf.pem + damaged)).status == 1
