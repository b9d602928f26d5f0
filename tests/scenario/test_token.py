"""Private keys on a PKCS#11 token: SoftHSM, as a hardware module would be."""

import subprocess

import pytest
from support import poll, server
from support.programs import run

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"


class Token:
    def __init__(self, folder):
        self.folder = folder
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(
            f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
        (folder / "pin").write_text(PIN + "\n")
        self.environment = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        self.tool("--init-token", "--free", "--label", "valija", "--so-pin", "5678")

    def tool(self, *words):
        return run("softhsm2-util", *words, "--pin", PIN, environment=self.environment)

    def put(self, label, number, *kind):
        """A new key on the token; its file here, for a look at it from outside."""
        file = self.folder / f"{label}.pem"
        run("openssl", "genpkey", *kind, "-out", file)
        self.tool("--import", file, "--token", "valija", "--label", label, "--id", number)
        return file

    def uri(self, key, query=None):
        query = query or f"module-path={MODULE}&pin-source=file:{self.folder}/pin"
        return f"pkcs11:token=valija;object={key}?{query}"


EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
EC384 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


@pytest.fixture
def token(tmp_path):
    folder = tmp_path / "token"
    folder.mkdir()
    return Token(folder)


@pytest.fixture
def certificate(home, token):
    """`valija certificate …` of an operator who has the token; gives the JSON."""

    def command(*words):
        done = home.valija("certificate", *map(str, words), "--json",
                           environment=token.environment)
        assert done.status == 0, done
        return done.json

    return command


@pytest.fixture
def running(home, token):
    started = []

    def start():
        started.append(server.Server(home, token.environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def leaf_shown(serving, *options):
    """SHA-1 of what openssl(1) is shown, over a session that it has found good."""
    said = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-connect",
         f"{serving.home.address}:{serving.home.port}", *options],
        input="QUIT\n", capture_output=True, text=True, check=False)
    assert "Verify return code" in said.stdout, said.stderr
    return run_on(said.stdout)


def run_on(pem):
    done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha1"], input=pem,
                          capture_output=True, text=True, check=True)
    return done.stdout.strip().split("=")[1].replace(":", "")


@pytest.mark.parametrize("kind, options", [
    (EC, ["-tls1_3"]), (EC, ["-tls1_2"]), (EC384, ["-tls1_3"]), (RSA, ["-tls1_3"]),
    (RSA, ["-tls1_2", "-sigalgs", "RSA+SHA256"]), (RSA, ["-tls1_2", "-sigalgs", "rsa_pss_rsae_sha384"]),
], ids=["ec-1.3", "ec-1.2", "ec384-1.3", "rsa-1.3", "rsa-1.2-pkcs1", "rsa-1.2-pss"])
def test_a_key_on_a_token_proves_who_we_are(home, token, certificate, running, kind, options):
    """Issue 5 "Custody": another place for keys behind the same port, in TLS 1.2 and 1.3."""
    token.put("mail", "01", *kind)
    made = certificate("new", "--domain", "mail.contoso.com", "--key", token.uri("mail"))
    assert made["isKeyOnToken"] and not made["privateKeyExportable"]
    assert not list((home.path / "keys").glob("*.key"))
    assert leaf_shown(running(), *options) == made["thumbprint"]


def test_a_key_that_comes_while_the_server_runs_is_used(home, token, certificate, running):
    """The custody opens tokens before it gives its rights up; for a new one it begins anew, and
    open sessions go on."""
    first = certificate("new", "--domain", "mail.contoso.com")
    serving = running()
    session = serving.client()
    session.starttls()
    token.put("mail", "01", *EC)
    second = certificate("new", "--domain", "mail.contoso.com", "--key", token.uri("mail"))
    assert second["server"] == "reloaded"
    poll.until("the new one is shown", lambda: leaf_shown(serving) == second["thumbprint"])
    assert session.say("NOOP").code == 250
    assert first["thumbprint"] != second["thumbprint"]


def test_a_certificate_of_a_ca_for_a_key_on_a_token(home, token, certificate, tmp_path):
    """A request signed on the token, its certificate, a renewal for the same key given by its URI."""
    token.put("mail", "01", *RSA)
    request = tmp_path / "mail.req"
    waiting = certificate("request", "--domain", "mail.contoso.com", "--key", token.uri("mail"),
                          "--out", request)
    run("openssl", "req", "-in", request, "-noout", "-verify")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "ca.key",
        "-out", tmp_path / "ca.pem", "-subj", "/CN=CA", "-days", "30")
    answer = tmp_path / "mail.pem"
    run("openssl", "x509", "-req", "-in", request, "-CA", tmp_path / "ca.pem", "-CAkey",
        tmp_path / "ca.key", "-copy_extensions", "copyall", "-days", "30", "-out", answer)
    bound = certificate("import", answer)
    assert bound["boundToPendingRequest"] and bound["name"] == waiting["name"]
    removed = certificate("remove", bound["thumbprint"])
    assert removed["removed"] == bound["thumbprint"]
    again = certificate("import", answer, "--key", token.uri("mail"))
    assert again["thumbprint"] == bound["thumbprint"] and again["isKeyOnToken"]


def test_what_is_wrong_with_a_token_is_said(home, token):
    """The step that failed, in words; nothing is left behind."""
    token.put("mail", "01", *EC)
    token.put("other", "02", *EC)
    for key, words in [
            (token.uri("nothing"), "no private key on the token fits"),
            ("pkcs11:token=stranger?module-path=" + MODULE, "no token fits"),
            (f"pkcs11:token=valija?module-path={MODULE}&pin-value={PIN}", "several keys fit"),
            (token.uri("mail", f"module-path={MODULE}"), "wants a PIN"),
            (token.uri("mail", f"module-path={MODULE}&pin-value=9999"), "the PIN is wrong"),
            (token.uri("mail", f"module-path={MODULE}&pin-source=file:/no/pin"), "/no/pin"),
            (token.uri("mail", "module-path=/no/module.so"), "/no/module.so cannot be loaded"),
            ("pkcs11:%%", "not a pkcs11: URI")]:
        done = home.valija("certificate", "new", "--domain", "mail.contoso.com", "--key", key,
                           environment=token.environment)
        assert done.status in (1, 2) and words in done.err, done
    assert not [one for one in (home.path / "keys").iterdir() if one.name != ".lock"]
    exportable = home.valija("certificate", "new", "--key", token.uri("mail"), "--exportable")
    assert exportable.status == 1 and "does not leave it" in exportable.err


def test_without_its_token_a_certificate_is_not_offered(home, token, certificate, running):
    """The server starts, says which file and why, and shows the next one."""
    token.put("mail", "01", *EC)
    certificate("new", "--domain", "mail.contoso.com", "--key", token.uri("mail"))
    with_file = certificate("new", "--domain", "mail.contoso.com")
    (token.folder / "pin").unlink()
    serving = running()
    assert leaf_shown(serving) == with_file["thumbprint"]
    assert "/pin" in home.read("log/valija.log")
    listed = home.valija("certificate", "list", "--domain", "mail.contoso.com",
                         environment=token.environment)
    assert "/pin" in listed.out
