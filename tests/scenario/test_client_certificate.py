"""Which certificate of ours a partner's server sees: by partner, and by destination. What a server asks
for decides in test_foreign.py: the servers here name no CA.

Issue 5 "Selection", semantics 2.3.
"""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from support import authority, peer, poll

NAME = "mail.contoso.com"
DOMAINS = {"fabrikam": 66, "northwind": 67}  # and the last octet of their servers


def thumbprint(certificate):
    return certificate.fingerprint(hashes.SHA1())


class Fleet:
    """Our certificates by name, and two partners' servers that remember which one they saw."""

    def __init__(self, home, lab, path):
        self.home, self.lab, self.path = home, lab, path
        self.authorities, self.ours, self.servers = {}, {}, {}
        for name in ("Old", "New", "Special", "Theirs"):
            folder = path / name
            folder.mkdir()
            self.authorities[name] = authority.Authority.stranger(
                str(folder), "http://127.0.0.1:9/x.crl", f"{name} CA")
        home.write("etc/anchors/theirs.pem", self.authorities["Theirs"].pem())
        home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
        for ca, file, host, age in (("Old", "old", NAME, 2), ("New", "new", NAME, 1),
                                    ("Special", "special", "edge.contoso.example", 1)):
            certificate, key, _ = self.authorities[ca].issue(host, start=-age * authority.DAY)
            home.show(file, certificate, key)
            with open(certificate, "rb") as opened:
                self.ours[file] = x509.load_pem_x509_certificate(opened.read())

    def stand(self, partner, *asked):
        """The partner's server, which takes certificates of the CAs in `asked`."""
        file = self.path / f"{partner}-takes.pem"
        file.write_text("".join(self.authorities[ca].pem() for ca in asked))
        certificate, key, _ = self.authorities["Theirs"].issue(f"mail.{partner}.com")
        address = self.lab.outsider_address(DOMAINS[partner])
        self.servers[partner] = peer.Peer(
            address, self.lab.smtp_port,
            peer.Manners(certificate=certificate, key=key, client_ca=str(file)))
        added = self.home.valija("partner", "add", partner, "--domain", f"{partner}.com", "--trust",
                                 "theirs", "--send", "enforce", "--receive", "enforce",
                                 "--revocation", "off", "--route", address)
        assert added.status == 0, added

    def set(self, partner, certificate):
        done = self.home.valija("partner", "set", partner, f"certificate={certificate}")
        assert done.status == 0, done

    def seen(self, running, partner):
        """The name of our certificate that its server is shown by the next message."""
        server = self.servers[partner]
        before = len(server.contents())
        reply = running.client().deliver("anna@contoso.com", f"berta@{partner}.com",
                                         b"Subject: hello\r\n\r\nhello\r\n")
        assert reply.code == 250, reply
        poll.until(f"it has come to {partner}", lambda: len(server.contents()) > before)
        last = [one for one in server.heard if one.contents][-1]
        shown = x509.load_der_x509_certificate(last.client_certificate)
        return {thumbprint(one): name for name, one in self.ours.items()}[thumbprint(shown)]

    def close(self):
        for server in self.servers.values():
            server.close()


@pytest.fixture
def fleet(home, lab, tmp_path):
    made = Fleet(home, lab, tmp_path)
    yield made
    made.close()


def test_a_partner_is_shown_the_one_that_its_file_names(fleet, serve):
    """By file name and by thumbprint, and the other partner sees what it always saw; live."""
    for partner in DOMAINS:
        fleet.stand(partner, "Old", "New", "Special")
    fleet.set("fabrikam", "special")
    running = serve()
    assert (fleet.seen(running, "fabrikam"), fleet.seen(running, "northwind")) == ("special", "new")
    fleet.set("fabrikam", thumbprint(fleet.ours["old"]).hex().upper())
    fleet.set("northwind", "special")
    assert (fleet.seen(running, "fabrikam"), fleet.seen(running, "northwind")) == ("old", "special")


def test_a_destination_has_the_one_of_its_send_connector(fleet, serve):
    """`address_spaces` of a send connector are the destinations; a partner's own setting wins."""
    for partner in DOMAINS:
        fleet.stand(partner, "Old", "New", "Special")
    fleet.home.write("etc/connectors.d/Internet.toml", 'kind = "send"\n')
    fleet.home.write("etc/connectors.d/ToNorthwind.toml", 'kind = "send"\ncertificate = "special"\n'
                     'address_spaces = ["northwind.com"]\n')
    running = serve()
    assert (fleet.seen(running, "fabrikam"), fleet.seen(running, "northwind")) == ("new", "special")
    fleet.set("northwind", "old")
    assert fleet.seen(running, "northwind") == "old"
