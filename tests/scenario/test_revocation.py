"""Revocation lists from where CAs publish them: HTTP, LDAP, deltas; and what `valija crl` shows.

EX-27, EX-29, EX-31, EX-32, EX-33.
"""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support import authority, poll
from support.ldap import Ldap
from support.server import free_port
from support.web import Web

ADDRESS = "127.0.0.1"
PARTNER = 'domains = ["woodgrovebank.com"]\ntrust = ["root"]\ncrl = [{urls}]\n'


@pytest.fixture
def web():
    running = Web(ADDRESS)
    yield running
    running.close()


@pytest.fixture
def ca(tmp_path):
    return authority.Authority.stranger(str(tmp_path), "http://unused.example/a.crl")


def list_of(ca, number=1, serials=(), start=-authority.DAY, end=authority.DAY, more=(), key=None):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
               .last_update(authority.now() + start).next_update(authority.now() + end)
               .add_extension(x509.CRLNumber(number), critical=False))
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial)
            .revocation_date(authority.now() - authority.DAY).build())
    made = builder.sign(key or ca.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def want(home, ca, *urls):
    home.write("etc/anchors/root.pem", ca.pem())
    home.write("etc/partners.d/bank.toml",
               PARTNER.format(urls=", ".join(f'"{url}"' for url in urls)))


def state_of(home, url):
    done = home.valija("crl", "list", "--json")
    assert done.status == (0 if all(row.get("current") for row in done.json) else 1)
    listed = [row for row in done.json if row["url"] == url]
    return listed[0] if listed else None


def settled(home, url):
    def is_settled():
        state = state_of(home, url)
        return state and (state["loaded"] or state["last_error"]) and state

    return poll.until(f"{url} came or failed", is_settled)


def test_a_list_in_an_ldap_directory_is_kept(home, serve, ca, tmp_path):
    """EX-32: LDAP distribution points, as Windows CAs write them."""
    directory = Ldap(tmp_path / "ldap", ADDRESS, list_of(ca, serials=(7, 9)))
    try:
        want(home, ca, directory.url)
        serve()
        state = settled(home, directory.url)
        assert state["loaded"] and state["entries"] == 2, state
        shown = home.valija("crl", "show", directory.url, "--json").json
        assert shown["issuer"] == "CN=Some other CA" and shown["count"] == 2, shown
    finally:
        directory.close()


def test_an_ldap_directory_that_is_down_only_delays(home, serve, ca):
    """EX-29: told with its reason, and asked again."""
    url = f"ldap://{ADDRESS}:{free_port(ADDRESS)}/cn=root?certificateRevocationList;binary"
    want(home, ca, url)
    serve()
    state = settled(home, url)
    assert not state["loaded"] and "fetching ldap://" in state["last_error"], state


@pytest.mark.parametrize("fault,why", [
    ("forged", "signature does not verify"), ("garbage", "neither DER nor PEM"),
    ("missing", "HTTP status 404"), ("future", "dated in the future")])
def test_what_is_no_list_of_the_ca_is_refused_with_its_reason(home, serve, ca, web, fault, why):
    """EX-31: what the CA did not sign is not believed."""
    other = authority.Authority.stranger(ca.directory, "")
    web.files = {"/forged": list_of(ca, key=other.key), "/garbage": b"<html>login</html>",
                 "/future": list_of(ca, start=authority.DAY, end=2 * authority.DAY)}
    url = f"{web.url}/{fault}"
    want(home, ca, url)
    serve()
    state = settled(home, url)
    assert not state["loaded"] and why in state["last_error"], state


def test_a_delta_that_a_list_names_is_fetched_too(home, serve, ca, web):
    """RFC 5280 5.2.6: freshestCRL."""
    freshest = x509.FreshestCRL([x509.DistributionPoint(
        [x509.UniformResourceIdentifier(web.url + "/delta")], None, None, None)])
    web.files = {"/base": list_of(ca, 5, more=[(freshest, False)]),
                 "/delta": list_of(ca, 6, (7,), more=[(x509.DeltaCRLIndicator(5), True)])}
    want(home, ca, web.url + "/base")
    serve()
    assert settled(home, web.url + "/base")["kind"] == "crl"
    delta = settled(home, web.url + "/delta")
    assert delta["loaded"] and delta["kind"] == "delta" and delta["entries"] == 1, delta


def test_what_was_damaged_on_disk_is_fetched_anew(home, serve, ca, web):
    """EX-27: our own files are no less hostile than the network."""
    url = web.url + "/list"
    web.files = {"/list": list_of(ca)}
    want(home, ca, url)
    running = serve()
    assert settled(home, url)["loaded"]
    running.end()
    kept = sorted((home.path / "state/crl").glob("*.crl"))
    assert len(kept) == 1, kept
    kept[0].write_bytes(kept[0].read_bytes()[:-9] + b"\0" * 9)
    asked = len(web.asked)
    serve()
    assert settled(home, url)["loaded"]
    assert len(web.asked) > asked, "it came from its place, not from the disk"


def test_the_status_of_our_own_follows_the_lists_that_were_fetched(home, serve, web, tmp_path):
    """Issue 5 "Commands", semantics 2.4, EX-25: Valid, then unknown, then Revoked."""
    own = authority.Authority.stranger(str(tmp_path), web.url + "/own.crl")
    certificate, key = own.issue("mail.contoso.com")[:2]
    home.show("mail.contoso.com", certificate, key)
    home.write("etc/anchors/own.pem", own.pem())
    home.write("etc/partners.d/bank.toml",
               'domains = ["woodgrovebank.com"]\ntrust = ["own"]\nrevocation = "best-effort"\n')

    def status():
        (row,) = home.valija("certificate", "list", "--json").json
        shown = home.valija("certificate", "show", row["thumbprint"], "--json").json
        assert shown["status"] == row["status"]
        return row["status"], shown["statusText"]

    assert status() == ("Valid", ""), "no server has looked yet"
    running = serve()
    url = web.url + "/own.crl"
    assert "404" in settled(home, url)["last_error"]
    failed, why = status()
    assert failed == "RevocationCheckFailure" and url in why, why
    with open(certificate, "rb") as file:
        serial = x509.load_pem_x509_certificate(file.read()).serial_number
    for number, serials, expected in ((1, (), "Valid"), (2, (serial,), "Revoked")):
        web.files = {"/own.crl": list_of(own, number, serials)}
        home.valija("crl", "fetch")
        poll.until(f"the list says {expected}", lambda wanted=expected: status()[0] == wanted)
    assert running.end() == 0
    assert status()[0] == "Revoked", "it is kept"


def test_show_reads_a_file_and_looks_up_a_serial_number(home, ca, tmp_path):
    """EX-33: what a list says, without openssl."""
    file = tmp_path / "root.crl"
    file.write_bytes(list_of(ca, 0x1234, (0x0A1B2C, 5)))
    shown = home.valija("crl", "show", file)
    assert shown.status == 0, shown
    for words in ("CN=Some other CA", "1234", "all certificates of the issuer", "0A1B2C"):
        assert words in shown.out, shown
    assert home.valija("crl", "show", file, "--serial", "0a:1b:2c").status == 0
    assert home.valija("crl", "show", file, "--serial", "0A1B2D").status == 1
    assert home.valija("crl", "show", file, "--serial", "xyz").status == 64
    assert home.valija("crl", "show", tmp_path / "none").status == 2
    file.write_bytes(b"\x30\x84\xff\xff\xff\xff")
    assert home.valija("crl", "show", file).status == 1
