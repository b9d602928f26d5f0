"""The protocol logs that the source documents print, played through real sessions."""

import csv
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support import authority, letters, names, peer, poll, smtp, world

VECTORS = world.ROOT / "tests" / "vectors" / "protocol_log"

OWN_SERIAL = 0xCA2EDF2487C6F09B4E413FD3812A7F89
PARTNER_SERIAL = 0x446DD186000A00002819
PARTNER = "smi.extest.contoso.com"
BANNER = ("edgea36 Microsoft ESMTP MAIL Service, Version: 8.0.647.0 ready at "
          "Mon, 28 Aug 2006 15:37:53 -0700")

# Exchange 2007 offers these too. They are washed out of the printed logs until we offer them.
NOT_OFFERED = {"DSN", "AUTH", "BINARYMIME", "CHUNKING"}


def name_of(*parts):
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


PARTNER_CA = name_of((NameOID.DOMAIN_COMPONENT, "Com"), (NameOID.DOMAIN_COMPONENT, "Contoso"),
                     (NameOID.DOMAIN_COMPONENT, "ExTest"), (NameOID.DOMAIN_COMPONENT, "ExCertDom"),
                     (NameOID.COMMON_NAME, "ExCertDom EntSub Issuing CA v1.0"))
PARTNER_NAME = name_of((NameOID.COUNTRY_NAME, "US"), (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
                       (NameOID.LOCALITY_NAME, "Spokane"), (NameOID.ORGANIZATION_NAME, "Corp"),
                       (NameOID.ORGANIZATIONAL_UNIT_NAME, "Contoso"),
                       (NameOID.COMMON_NAME, PARTNER))


class Pair:
    """A certificate and its key, made to the names of the printed logs."""

    def __init__(self, folder, subject, issuer=None, serial=None, dns=(), is_ca=False):
        self.name = subject
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = issuer or self
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(signer.name)
                   .public_key(self.key.public_key())
                   .serial_number(serial or x509.random_serial_number())
                   .not_valid_before(authority.now() - authority.DAY)
                   .not_valid_after(authority.now() + 30 * authority.DAY)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       signer.key.public_key()), False)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(
                       self.key.public_key()), False))
        if dns:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in dns]), False)
        if is_ca:
            builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = builder.sign(signer.key, hashes.SHA256())
        self.file = folder / f"{serial or 'ca'}.crt"
        self.key_file = folder / f"{serial or 'ca'}.key"
        self.file.write_bytes(self.certificate.public_bytes(authority.serialization.Encoding.PEM))
        authority.write_key(self.key_file, self.key)


@pytest.fixture
def partner(tmp_path):
    ca = Pair(tmp_path, PARTNER_CA, is_ca=True)
    return Pair(tmp_path, PARTNER_NAME, ca, PARTNER_SERIAL, [PARTNER]), ca


@pytest.fixture
def own(tmp_path):
    """Self-signed, with a name of a single label, as in the documents."""
    return Pair(tmp_path, name_of((NameOID.COMMON_NAME, "edgea36")), serial=OWN_SERIAL,
                dns=["edgea36", "edgea36.dns.contoso.com"])


@pytest.fixture
def edge(home, own, partner, tmp_path, lab):
    """Our server as `edgea36.dns.contoso.com` of Woodgrove, with Contoso as enforced partner."""
    folder = tmp_path / "names"
    folder.mkdir()
    dns = names.Names(folder, lab.outsider_address(78), {
        "extest.contoso.com": f"smi MX 10 edgedns3\nedgedns3 A {lab.outsider_address(69)}\n"})
    home.write("etc/valija.toml", (
        'hostname = "edgea36.dns.contoso.com"\naccepted_domains = ["woodgrove.com", "example.com"]\n'
        f'smtp_port = {lab.smtp_port}\n[dns]\nforward = "{dns.forward}"\n[mailbox]\n'
        f'lmtp = "{lab.contoso.lmtp}"\n[server]\nloops = 1\n'))
    home.write("etc/connectors.d/Inet.toml", (
        f'kind = "receive"\nlisten = ["{home.address}:{home.port}"]\nprotocol_log = "verbose"\n'
        f'banner = "{BANNER}"\nmax_message_size = "15M"\nrelay_from = ["{lab.contoso.inside}"]\n'))
    home.write("etc/connectors.d/Internet.toml", 'kind = "send"\nprotocol_log = "verbose"\n')
    home.write("etc/anchors/excertdom.pem", Path(partner[1].file).read_text())
    home.show("edgea36", own.file, own.key_file)
    added = home.valija("partner", "add", "contoso", "--domain", PARTNER, "--trust", "excertdom",
                        "--send", "enforce", "--receive", "enforce", "--revocation", "off")
    assert added.status == 0, added
    yield home
    dns.close()


def rows(home, side):
    """All rows of a set of logs, as dictionaries."""
    found = []
    for file in sorted((home.path / "log" / side).glob("*.log")):
        lines = file.read_text().splitlines()
        assert lines[0].startswith("#Software: ")
        assert lines[1].startswith("#Version: ")
        assert lines[2].startswith("#Log-type: SMTP ")
        assert re.fullmatch(r"#Date: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", lines[3])
        assert lines[4] == ("#Fields: date-time,connector-id,session-id,sequence-number,"
                            "local-endpoint,remote-endpoint,event,data,context")
        keys = lines[4].removeprefix("#Fields: ").split(",")
        found += [dict(zip(keys, row, strict=True)) for row in csv.reader(lines[5:])]
    return found


def projection(row):
    """A row as the documents print it: event, data, and behind a comma the context."""
    parts = [part for part in (row["data"], row["context"]) if part]
    return row["event"] + ", ".join(parts)


def is_printed(row):
    return row["event"] in "<>*" and row["context"] != "attempting to connect"


def washed(lines):
    """Without what differs from run to run, and without what we do not offer yet."""
    result = []
    for line in lines:
        line = re.sub(r"^([<>]250)-", r"\1 ", line)
        if line.removeprefix(">250 ") in NOT_OFFERED and line.startswith(">"):
            continue
        line = re.sub(r"^\*[0-9A-F]{40}, Certificate thumbprint", "*(thumbprint), ", line)
        line = re.sub(r"^\*[0-9A-F]{16};[-0-9T:.]+Z;", "*(session);(time);", line)
        line = re.sub(r"\[[0-9.]+\]", "[(address)]", line)
        line = re.sub(r" SIZE=\d+", " SIZE=(size)", line)
        line = re.sub(r" \[InternalId=[0-9A-F]{16}\]", "", line)
        result.append(line)
    return result


def printed(name):
    return washed((VECTORS / f"{name}.txt").read_text().splitlines())


@pytest.mark.parametrize("document", ["white-paper", "how-to"])
def test_a_receive_session_is_logged_as_printed(edge, serve, partner, document):
    """EX-85..93: events, certificate block, session id, message number, replies."""
    serve()
    client = smtp.Client(edge.address, edge.port)
    client.ehlo("edgedns3")
    client.starttls(partner[0].file, partner[0].key_file, ehlo="edgedns3")
    assert client.say(f"MAIL From:<user@{PARTNER}> SIZE=16").code == 250
    assert client.say("RCPT To:<user@woodgrove.com>").code == 250
    post = letters.letter(f"user@{PARTNER}", "user@woodgrove.com")
    content = post.content.replace(post.message_id.encode(),
                                   b"<200608281121.k7SBHYi0004586@edgedns3>")
    assert client.data(content).code == 250
    assert client.say("QUIT").code == 221
    poll.until("the end of the session is in the log",
               lambda: any(row["event"] == "-" for row in rows(edge, "SmtpReceive")))
    all_rows = rows(edge, "SmtpReceive")
    seen = washed([projection(row) for row in all_rows if is_printed(row)])
    assert seen == printed(f"{document}-receive")
    assert [int(row["sequence-number"]) for row in all_rows] == list(range(len(all_rows)))
    assert {row["connector-id"] for row in all_rows} == {"edgea36.dns.contoso.com\\Inet"}
    assert len({row["session-id"] for row in all_rows}) == 1
    assert re.fullmatch(r"[0-9A-F]{16}", all_rows[0]["session-id"])
    assert [all_rows[0]["event"], all_rows[-1]["event"]] == ["+", "-"]


def replies_of(document):
    """The server's part of the printed send log: greeting, and replies by verb."""
    lines = (VECTORS / f"{document}-send.txt").read_text().splitlines()
    greeting = lines[0].removeprefix("<")
    replies, current, asked = {}, [], []
    for line in lines[1:]:
        if line.startswith(">"):
            asked.append(line[1:].split(" ")[0])
        elif line.startswith("<"):
            current.append(line[1:])
            if line[4] == " ":
                verb = asked.pop(0) if asked else "CONTENT"
                replies.setdefault(verb, []).append("\n".join(current))
                current = []
    return greeting, replies


def test_the_printed_replies_are_read_as_meant():
    greeting, replies = replies_of("white-paper")
    assert greeting.startswith("220 edgedns3 ESMTP")
    assert len(replies["EHLO"]) == 2 and "STARTTLS" not in replies["EHLO"][1]
    assert replies["MAIL"] == ["250 2.1.0 <user@woodgrove.com>... Sender ok"]


@pytest.mark.parametrize("document, sender", [("white-paper", "user@woodgrove.com"),
                                              ("how-to", "user@example.com")])
def test_a_send_session_is_logged_as_printed(edge, lab, serve, own, partner, document, sender):
    """EX-85..93: the same for the other direction, with the partner's server as it spoke then."""
    greeting, replies = replies_of(document)
    server = peer.Peer(lab.outsider_address(69), lab.smtp_port, peer.Manners(
        greeting=greeting, replies=replies, certificate=partner[0].file,
        key=partner[0].key_file, client_ca=own.file))
    try:
        serve()
        client = smtp.Client(edge.address, edge.port, lab.contoso.inside)
        client.ehlo("desk.woodgrove.com")
        recipient = f"root@{PARTNER}"
        reply = client.deliver(sender, recipient, letters.letter(sender, recipient).content)
        assert reply.code == 250, reply
        poll.until("the end of the session is in the log",
                   lambda: any(row["event"] == "-" for row in rows(edge, "SmtpSend")))
    finally:
        server.close()
    all_rows = rows(edge, "SmtpSend")
    seen = washed([projection(row) for row in all_rows if is_printed(row)])
    assert seen == printed(f"{document}-send")
    assert (all_rows[0]["context"], all_rows[0]["local-endpoint"]) == ("attempting to connect", "")
    assert all_rows[0]["sequence-number"] == "0"
    assert {row["connector-id"] for row in all_rows} == {"Internet"}


def test_a_connector_without_a_level_logs_nothing(home, serve):
    """EX-84: the level belongs to the connector; none is the default."""
    running = serve()
    assert running.client().say("QUIT").code == 221
    assert running.end() == 0
    assert not (home.path / "log" / "SmtpReceive").exists()
