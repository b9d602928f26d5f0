"""Vectors for `valija certificate verify`, in the manner of the public suites: small chains, each
with one thing right or wrong, and what the verdict must be.

Our own, made anew at each run; the facts are those of RFC 5280, RFC 9525 and the Baseline
Requirements. A verdict that another reading would not share carries its reason.
"""

import datetime
import itertools
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from support.x509_maker import (ANY_EKU, CLIENT, NOW, SERVER, Made, aki_of, authority, basic,
                                certificate, constraints, crl, eku, general_name, key_id, leaf,
                                made, name, new_key, policies, policy_constraints, policy_mappings,
                                raw, resigned, san, sequence, split_tlv, tlv, usage, with_serial,
                                x509_oid)

GOOD, BAD = 0, 1
UNKNOWN_OID = "1.3.6.1.4.1.55555.1"


@dataclass
class Vector:
    name: str
    expected: int
    leaf: Made
    trust: list
    untrusted: list = field(default_factory=list)
    lists: list = field(default_factory=list)  # CRLs, DER
    options: list = field(default_factory=list)

    def words(self, directory):
        """The command line, with the files that it names written into `directory`."""
        def write(file, content):
            (directory / file).write_bytes(content)
            return str(directory / file)
        words = ["certificate", "verify", write("leaf.der", self.leaf.der)]
        words += ["--trust", write("trust.pem", "".join(c.pem for c in self.trust).encode())]
        if self.untrusted:
            words += ["--untrusted",
                      write("more.pem", "".join(c.pem for c in self.untrusted).encode())]
        for at, content in enumerate(self.lists):
            words += ["--crl", write(f"{at}.crl", content)]
        return words + self.options


class Table:
    def __init__(self):
        self.rows = []

    def add(self, title, expected, end, trust, untrusted=(), lists=(), names="example.com", at=NOW,
            **options):
        words = ["--at", at]
        for text in [names] if isinstance(names, str) else names or ():
            kind, _, value = text.rpartition("=")
            words += ["--" + (kind or "name"), value]
        for key, value in options.items():
            words += ["--" + key.replace("_", "-"), str(value)]
        self.rows.append(Vector(title, expected, end, list(trust), list(untrusted), list(lists),
                                words))

    def leaf(self, title, expected, **words):
        """root -> leaf, the leaf changed."""
        root = authority()
        case = {key: words.pop(key) for key in ("names", "at", "purpose", "profile")
                if key in words}
        self.add(title, expected, leaf(root, **words), [root], **case)

    def root(self, title, expected, names="example.com", **words):
        root = authority(**words)
        self.add(title, expected, leaf(root), [root], names=names)

    def middle(self, title, expected, names="example.com", san_of_leaf=None, profile="strict",
               **words):
        """root -> intermediate -> leaf, the intermediate changed."""
        root = authority()
        ca = authority("ica", root, **words)
        end = leaf(ca, san=san(*san_of_leaf)) if san_of_leaf else leaf(ca)
        self.add(title, expected, end, [root], [ca], names=names, profile=profile)


def basics(table):
    root, other = authority(), authority("other")
    ca = authority("ica", root)
    table.add("basic: root and leaf", GOOD, leaf(root), [root])
    table.add("basic: an intermediate", GOOD, leaf(ca), [root], [ca])
    table.add("basic: no name asked for", GOOD, leaf(ca), [root], [ca], names=None)
    table.add("basic: the root is not trusted", BAD, leaf(ca), [other], [root, ca])
    table.add("basic: the intermediate is missing", BAD, leaf(ca), [root])
    table.add("basic: an intermediate is an anchor", GOOD, leaf(ca), [ca])
    end = leaf(root)
    table.add("basic: the leaf itself is an anchor", GOOD, end, [end])
    impostor = authority()
    table.add("basic: signed by another key of the root's name", BAD, leaf(impostor), [root])
    broken = bytearray(end.der)
    broken[-3] ^= 1
    table.add("basic: a bit of the signature flipped", BAD, Made(bytes(broken), None, None), [root])
    table.add("basic: issuer and subject exchanged", BAD, root, [end], names=None)
    lying = end.der[:-90] + end.der[-90:].replace(bytes.fromhex("06082a8648ce3d040302"),
                                                  bytes.fromhex("06082a8648ce3d040303"))
    table.add("basic: outer and inner algorithm differ", BAD, Made(lying, None, None), [root])
    table.add("basic: bytes behind the certificate", BAD, Made(end.der + b"\0", None, None), [root])


def extensions(table):
    unknown = raw(UNKNOWN_OID, b"\x05\0", True)
    table.leaf("extension: unknown and critical in the leaf", BAD, extra=[unknown])
    table.middle("extension: unknown and critical in a CA", BAD, extra=[unknown])
    table.root("extension: unknown and critical in the root", BAD, extra=[unknown])
    table.leaf("extension: unknown, not critical", GOOD, extra=[raw(UNKNOWN_OID, b"\x05\0")])
    twice = raw(UNKNOWN_OID, b"\x05\0")
    table.leaf("extension: twice", BAD, extra=[twice, twice])
    table.leaf("extension: subjectAltName twice", BAD, extra=[san("dns:example.com")])
    table.leaf("leaf: no key usage", GOOD, ku=None)
    table.leaf("leaf: keyCertSign", BAD, ku=usage("digital_signature", "key_cert_sign"))
    table.leaf("leaf: is a CA", BAD, bc=basic(True))
    table.leaf("leaf: says that it is none", GOOD, bc=basic(False))
    aia = made(x509.AuthorityInformationAccess([x509.AccessDescription(
        x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
        x509.UniformResourceIdentifier("http://example.com/ca.cer"))]))
    table.leaf("aia: there", GOOD, aia=aia)
    table.leaf("aia: critical", BAD, aia=x509.Extension(aia.oid, True, aia.value))
    table.leaf("aia: malformed", BAD, aia=raw("1.3.6.1.5.5.7.1.1", b"malformed"))
    table.leaf("issuer: empty", BAD, issuer_name=name())
    table.root("CA: empty subject", BAD, subject=name())
    table.leaf("subject: empty, critical alternative name", GOOD, subject=name(),
               san=san("dns:example.com", critical=True))
    table.leaf("subject: empty, alternative name not critical", BAD, subject=name())
    table.leaf("alternative name: critical beside a subject", BAD,
               san=san("dns:example.com", critical=True))
    table.leaf("alternative name: none", BAD, san=None)
    table.leaf("alternative name: empty", BAD, san=raw("2.5.29.17", sequence()))
    table.leaf("alternative name: malformed", BAD, san=raw("2.5.29.17", b"malformed"))
    # The Baseline Requirements forbid it since 2019; DNS and the hosts of partners use it.
    table.leaf("alternative name: an underscore", GOOD, san=san("dns:a_b.example.com"),
               names="a_b.example.com")
    table.leaf("version 1", BAD, bc=None, ski=None, ku=None, eku=None, san=None, aki=None,
               version=x509.Version.v1)
    table.leaf("version 1 with extensions", BAD, version=x509.Version.v1)


def authorities(table):
    table.middle("CA: no basic constraints", BAD, bc=None)
    table.middle("CA: says that it is none", BAD, bc=basic(False))
    table.root("root: no basic constraints", BAD, bc=None)
    table.root("root: basic constraints not critical", BAD, bc=basic(True, critical=False))
    table.middle("CA: basic constraints not critical", BAD, bc=basic(True, critical=False))
    table.middle("CA: key usage without keyCertSign", BAD, ku=usage("crl_sign"))
    table.root("root: key usage without keyCertSign", BAD, ku=usage("crl_sign"))
    table.middle("CA: no key usage", BAD, ku=None)  # Baseline Requirements 7.1.2: MUST be there
    root = authority()
    old = certificate(name("ica"), root, [], version=x509.Version.v1)
    table.add("CA: version 1", BAD, leaf(old), [root], [old])
    table.middle("CA: no authority key identifier", BAD, aki=None)
    table.root("root: no authority key identifier", GOOD)
    table.root("root: no key usage", GOOD, ku=None)  # RFC 5280 6.1.4 (n): if it is there
    table.leaf("leaf: no authority key identifier", BAD, aki=None)
    table.leaf("leaf: authority key identifier critical", BAD,
               aki=x509.Extension(x509.ObjectIdentifier("2.5.29.35"), True, aki_of(root).value))
    table.leaf("leaf: no subject key identifier", GOOD, ski=None)
    table.middle("CA: no subject key identifier", BAD, ski=None)
    table.root("root: no subject key identifier", BAD, ski=None)
    key = new_key()
    critical = x509.Extension(x509.ObjectIdentifier("2.5.29.14"), True,
                              x509.SubjectKeyIdentifier(key_id(key)))
    table.root("root: subject key identifier critical", BAD, key=key, ski=critical)
    table.middle("CA: subject key identifier critical", BAD, key=key, ski=critical)
    # The identifier only helps to find a path: RFC 5280 6.1 does not compare it.
    table.leaf("leaf: another CA's key identifier", GOOD, aki=aki_of(authority()))


def serials(table):
    for title, number, expected in (("zero", b"\0", BAD), ("negative", b"\x80", BAD),
                                    ("20 bytes", b"\x7f" * 20, GOOD), ("21 bytes", b"\x7f" * 21,
                                                                      BAD)):
        root = authority()
        table.add(f"serial: {title}", expected, with_serial(leaf(root), root, number), [root])
        # Of an anchor only name and key count; public roots with serial 0 are many.
        old = with_serial(root, root, number)
        table.add(f"serial: {title}, of the root", GOOD, leaf(root), [old])
        ca = authority("ica", root)
        table.add(f"serial: {title}, of a CA", expected, leaf(ca), [root],
                  [with_serial(ca, root, number)])


def validity(table):
    early, late = datetime.datetime(2026, 3, 1), datetime.datetime(2026, 4, 1)
    span = {"start": early, "end": late}
    for which in ("root", "CA", "leaf"):
        root = authority(**span if which == "root" else {})
        ca = authority("ica", root, **span if which == "CA" else {})
        end = leaf(ca, **span if which == "leaf" else {})
        for title, at, expected in (("before", "2026-02-28T23:59:59Z", BAD),
                                    ("on its first second", "2026-03-01T00:00:00Z", GOOD),
                                    ("on its last second", "2026-04-01T00:00:00Z", GOOD),
                                    ("after", "2026-04-01T00:00:01Z", BAD)):
            table.add(f"dates: {which}, {title}", expected, end, [root], [ca], at=at)
    # Dates are whole seconds; the last one is over when the next begins.
    table.leaf("dates: a part of the last second", GOOD, at="2026-04-01T00:00:00.500Z", **span)
    table.leaf("dates: a part of a second too early", BAD, at="2026-02-28T23:59:59.999Z", **span)
    table.leaf("dates: an offset", GOOD, at="2026-04-01T02:00:00+02:00", **span)


def usages(table):
    table.leaf("eku: none", BAD, eku=None)
    table.leaf("eku: client only", BAD, eku=eku(CLIENT))
    table.leaf("eku: server and client", GOOD, eku=eku(SERVER, CLIENT))
    table.leaf("eku: any", BAD, eku=eku(ANY_EKU))
    table.leaf("eku: server and any", BAD, eku=eku(SERVER, ANY_EKU))
    table.leaf("eku: critical", BAD, eku=eku(SERVER, critical=True))
    table.leaf("eku: empty", BAD, eku=raw("2.5.29.37", sequence()))
    table.leaf("eku: a client's as a client", GOOD, eku=eku(CLIENT), purpose="client")
    table.leaf("eku: a server's as a client", BAD, purpose="client")
    table.middle("eku: a CA for servers", GOOD, eku=eku(SERVER))
    table.middle("eku: a CA for clients", BAD, eku=eku(CLIENT))
    table.root("eku: a root", BAD, eku=eku(SERVER))


def keys(table):
    root = authority()
    for title, key, expected in (
            ("RSA 1024", rsa.generate_private_key(65537, 1024), BAD),
            ("RSA 2048", rsa.generate_private_key(65537, 2048), GOOD),
            ("RSA 2052, not whole bytes", rsa.generate_private_key(65537, 2052), BAD),
            ("DSA", dsa.generate_private_key(2048), BAD),
            ("P-192", ec.generate_private_key(ec.SECP192R1()), BAD),
            ("P-384", ec.generate_private_key(ec.SECP384R1()), GOOD),
            ("P-521", ec.generate_private_key(ec.SECP521R1()), GOOD)):
        table.add(f"key: leaf {title}", expected, leaf(root, key=key), [root])
        if title in ("RSA 1024", "P-192"):
            weak = authority("ica", root, key=key)
            table.add(f"key: CA {title}", BAD, leaf(weak), [root], [weak])
            weak = authority(key=key)
            table.add(f"key: root {title}", BAD, leaf(weak), [weak])
    table.leaf("digest: SHA-1", BAD, digest=hashes.SHA1())
    table.leaf("digest: SHA-384", GOOD, digest=hashes.SHA384())


def strict_names(table):
    rows = (  # presented, asked for, verdict
        ("dns:example.com", "example.com", GOOD), ("dns:EXAMPLE.com", "example.com", GOOD),
        ("dns:example.com", "Example.COM", GOOD), ("dns:example.com", "example.com.", GOOD),
        ("dns:example.com", "example2.com", BAD), ("dns:abc.example.com", "def.example.com", BAD),
        ("dns:example.com", "abc.example.com", BAD), ("dns:abc.example.com", "example.com", BAD),
        ("dns:*.com", "example.com", BAD), ("dns:*.example.com", "foo.example.com", GOOD),
        ("dns:*.example.com", "example.com", BAD), ("dns:ba*.example.com", "baz.example.com", BAD),
        ("dns:*az.example.com", "baz.example.com", BAD), ("dns:*", "com", BAD),
        ("dns:foo.*.example.com", "foo.bar.example.com", BAD),
        ("dns:*.example.com", "foo.bar.example.com", BAD),
        ("dns:*.*.example.com", "foo.bar.example.com", BAD),
        ("dns:xn--*-1b3c148a.example.com", "xn--bliss-1b3c148a.example.com", BAD),
        ("dns:\U0001F61C.example.com", "xn--628h.example.com", BAD),
        ("dns:xn--bcher-kva.example.com", "bücher.example.com", GOOD),
        ("dns:example.com", "*.example.com", BAD), ("dns:*.example.com", "*.example.com", BAD),
        ("dns:example.com\0.evil.example", "example.com", BAD),
        ("dns:example.com.", "example.com", BAD), ("dns: example.com", "example.com", BAD),
        ("dns:192.0.2.1", "ip=192.0.2.1", BAD), ("ip:192.0.2.1", "ip=192.0.2.1", GOOD),
        ("ip:192.0.2.1", "192.0.2.1", GOOD), ("ip:192.0.2.1", "ip=192.0.2.2", BAD),
        ("ip:2001:db8::1", "ip=2001:db8:0:0::1", GOOD), ("ip:2001:db8::1", "ip=2001:db8::2", BAD),
        ("iphex:00000000000000000000ffffc0000201", "ip=192.0.2.1", BAD),
        ("ip:192.0.2.0/24", "ip=192.0.2.1", BAD), ("iphex:c00002", "ip=192.0.2.1", BAD),
        ("dns:example.com", "ip=192.0.2.1", BAD))
    for presented, asked, expected in rows:
        table.leaf(f"name: {presented!r} for {asked!r}", expected, san=san(presented), names=asked,
                   subject=name("x"))
    table.leaf("name: in the CN alone", BAD, san=None, subject=name("example.com"))
    table.leaf("name: in the CN beside another", BAD, san=san("dns:other.example"),
               subject=name("example.com"))
    table.leaf("name: both of two", GOOD, san=san("dns:a.example", "dns:b.example"),
               names=["a.example", "b.example"], subject=name("x"))
    table.leaf("name: one of two", BAD, san=san("dns:a.example"), names=["a.example", "b.example"],
               subject=name("x"))
    table.leaf("name: exchange takes the CN", GOOD, san=None, subject=name("example.com"),
               profile="exchange")
    table.leaf("name: exchange takes one label below", GOOD, san=san("dns:mail.example.com"),
               profile="exchange")
    table.leaf("name: exchange never takes prose (CI-14)", BAD, san=None, profile="exchange",
               subject=name("The server of example.com"))
    table.leaf("name: exchange never takes ï (EX-110)", BAD, san=None, profile="exchange",
               subject=name("mail.exämple.com"), names="exämple.com")
    table.leaf("name: an empty subject is fine (CI-12)", GOOD, subject=name(), profile="exchange",
               san=san("dns:example.com", critical=True))


def addresses(table):
    rows = (("mail:Joe@example.com", "email=Joe@EXAMPLE.com", GOOD),
            ("mail:Joe@example.com", "email=joe@example.com", BAD),
            ("mail:joe@example.com", "email=joe@mail.example.com", BAD),
            ("dns:example.com", "email=joe@example.com", BAD))
    for presented, asked, expected in rows:
        table.leaf(f"mail: {presented} for {asked}", expected, san=san(presented), names=asked,
                   eku=eku(CLIENT), purpose="client", subject=name("x"))
    table.leaf("mail: in the subject alone", BAD, san=san("dns:x.example"), eku=eku(CLIENT),
               names="email=joe@example.com", purpose="client",
               subject=name(("E", "joe@example.com")))
    table.leaf("mail: both of two", GOOD, san=san("mail:a@example.com", "mail:b@example.com"),
               names=["email=a@example.com", "email=b@example.com"], eku=eku(CLIENT),
               purpose="client", subject=name("x"))
    table.leaf("mail: one of two", BAD, san=san("mail:a@example.com"), eku=eku(CLIENT),
               names=["email=a@example.com", "email=b@example.com"], purpose="client",
               subject=name("x"))


DNS, IP, DN, MAIL, URI = "dns:a.example", "ip:192.0.2.0/24", "dn:foo", "mail:a.example", "uri:.a.example"
# permitted, excluded, names of the leaf, verdict; the subject of the leaf is empty.
CONSTRAINED = (
    ([DNS], [], ["dns:a.example"], GOOD), ([DNS], [], ["dns:x.y.a.example"], GOOD),
    ([DNS], [], ["dns:A.EXAMPLE"], GOOD), ([DNS], [], ["dns:b.example"], BAD),
    ([DNS], [], ["dns:nota.example"], BAD), ([DNS], [], ["dns:a.example", "dns:b.example"], BAD),
    ([DNS], [], ["dns:*.a.example"], GOOD), ([DNS], [], ["dns:*.example"], BAD),
    ([DNS], [], ["dns:a.example", "ip:192.0.2.1"], GOOD),
    ([DNS, "dns:b.example"], [], ["dns:b.example"], GOOD),
    ([], [DNS], ["dns:a.example"], BAD), ([], [DNS], ["dns:x.a.example"], BAD),
    ([], [DNS], ["dns:b.example"], GOOD), ([], [DNS], ["dns:*.example"], BAD),
    ([], ["dns:x.a.example"], ["dns:*.a.example"], BAD),
    ([], ["dns:x.y.a.example"], ["dns:*.a.example"], GOOD),
    ([], [DNS], ["ip:192.0.2.1"], GOOD),
    ([DNS], ["dns:x.a.example"], ["dns:x.a.example"], BAD),
    ([DNS], ["dns:x.a.example"], ["dns:y.a.example"], GOOD), ([DNS], [DNS], ["dns:a.example"], BAD),
    ([DNS], [], ["dns:.a.example", "dns:x.a.example"], BAD),
    ([DNS], [], ["dns:x..a.example"], BAD), ([DNS], [], ["dns:a.example\0.b.example"], BAD),
    ([DNS], [], ["dns:x*.a.example"], BAD), ([DNS], [], ["dns:x.*.a.example"], BAD),
    (["dns:.a.example"], [], ["dns:a.example"], BAD),
    (["dns:*.a.example"], [], ["dns:x.a.example"], BAD),
    (["dns:"], [], ["dns:b.example"], GOOD), ([], ["dns:"], ["dns:b.example"], BAD),
    ([IP], [], ["ip:192.0.2.1"], GOOD), ([IP], [], ["ip:192.0.3.1"], BAD),
    ([IP], [], ["ip:192.0.2.0/24"], BAD), ([IP], [], ["ip:2001:db8::1"], BAD),
    ([IP], [], ["dns:b.example"], GOOD), ([], [IP], ["ip:192.0.2.1"], BAD),
    ([], [IP], ["ip:192.0.3.1"], GOOD), (["ip:2001:db8::/32"], [], ["ip:2001:db8::1"], GOOD),
    (["ip:2001:db8::/32"], [], ["ip:2001:db9::1"], BAD),
    ([], ["ip:0.0.0.0/0"], ["ip:192.0.2.1"], BAD), ([], ["ip:::1/128"], ["ip:::1"], BAD),
    (["iphex:c0000200ff00ff00"], [], ["ip:192.0.2.1"], BAD),  # the mask has a hole
    (["iphex:c00002"], [], ["ip:192.0.2.1"], BAD), ([IP], [], ["iphex:c00002"], BAD),
    ([DNS, IP], [], ["dns:a.example", "ip:192.0.2.9"], GOOD),
    ([DNS, IP], [], ["dns:a.example", "ip:192.0.3.9"], BAD),
    ([DN], [], ["dn:foo", "dns:a.example"], GOOD), ([DN], [], ["dn:bar", "dns:a.example"], BAD),
    ([], [DN], ["dn:foo", "dns:a.example"], BAD), ([], [DN], ["dn:bar", "dns:a.example"], GOOD),
    ([MAIL], [], ["mail:joe@a.example", "dns:a.example"], GOOD),
    ([MAIL], [], ["mail:joe@x.a.example", "dns:a.example"], BAD),
    ([MAIL], [], ["mail:joe@b.example", "dns:a.example"], BAD),
    ([MAIL], [], ["mail:joe@evil@a.example", "dns:a.example"], BAD),
    (["mail:.a.example"], [], ["mail:joe@x.a.example", "dns:a.example"], GOOD),
    (["mail:.a.example"], [], ["mail:joe@a.example", "dns:a.example"], BAD),
    (["mail:joe@a.example"], [], ["mail:joe@a.example", "dns:a.example"], GOOD),
    (["mail:joe@a.example"], [], ["mail:Joe@a.example", "dns:a.example"], BAD),
    (["mail:joe@a.example"], [], ["mail:ann@a.example", "dns:a.example"], BAD),
    ([], [MAIL], ["mail:joe@a.example", "dns:a.example"], BAD),
    ([], [MAIL], ["mail:joe@b.example", "dns:a.example"], GOOD),
    ([URI], [], ["uri:http://x.a.example/p", "dns:a.example"], GOOD),
    ([URI], [], ["uri:http://b.example/p", "dns:a.example"], BAD),
    ([], [URI], ["uri:http://x.a.example/p", "dns:a.example"], BAD),
    ([URI], [], ["uri:http://192.0.2.1/p", "dns:a.example"], BAD),
    (["other:x"], [], ["other:x", "dns:a.example"], BAD),
    (["other:x"], [], ["dns:a.example"], GOOD), ([], ["other:x"], ["dns:a.example"], GOOD),
)


def name_constraints(table):
    for permitted, excluded, names, expected in CONSTRAINED:
        root = authority()
        ca = authority("ica", root, nc=constraints(permitted, excluded))
        title = f"nc: permits {permitted}, excludes {excluded}, leaf {names}"
        end = leaf(ca, subject=name(), san=san(*names, critical=True))
        table.add(title, expected, end, [root], [ca], names=None)
        top = authority(nc=constraints(permitted, excluded))
        end = leaf(top, subject=name(), san=san(*names, critical=True))
        table.add(title + ", by the root", expected, end, [top], names=None)


def constraints_along_the_path(table):
    for title, first, second, expected in (
            ("narrower", ["dns:a.example", "dns:b.example"], ["dns:b.example"], BAD),
            ("wider", ["dns:b.example"], ["dns:a.example", "dns:b.example"], BAD),
            ("the same", ["dns:a.example"], ["dns:a.example"], GOOD)):
        root = authority()
        one = authority("one", root, nc=constraints(first))
        two = authority("two", one, nc=constraints(second))
        end = leaf(two, san=san("dns:a.example", critical=True), subject=name())
        table.add(f"nc: two CAs, the second {title}", expected, end, [root], [one, two], names=None)
    root = authority(nc=constraints(["dns:a.example"], ["dns:b.example"]))
    ca = authority("ica", root, san=san("dns:b.example"))
    table.add("nc: a name of a CA is excluded", BAD,
              leaf(ca, subject=name(), san=san("dns:a.example", critical=True)), [root], [ca],
              names=None)
    root = authority()
    own = authority("ica", root, nc=constraints(["dns:a.example"]), san=san("dns:b.example"))
    table.add("nc: a CA's constraints do not bind itself", GOOD,
              leaf(own, subject=name(), san=san("dns:a.example", critical=True)), [root], [own],
              names=None)
    table.leaf("nc: in a leaf", BAD, nc=constraints(["dns:example.com"]))
    table.middle("nc: not critical", BAD, nc=constraints(["dns:example.com"], critical=False))
    table.middle("nc: empty", BAD, nc=raw("2.5.29.30", sequence(), True))
    table.middle("nc: malformed", BAD, nc=raw("2.5.29.30", b"malformed", True))
    table.middle("nc: a minimum", BAD, nc=constraints(["dns:example.com"],
                                                      bounds=tlv(0x80, b"\1")))
    table.middle("nc: a maximum", BAD, nc=constraints(["dns:example.com"],
                                                      bounds=tlv(0x81, b"\1")))
    # A CN is no name where only alternative names count, and then nothing binds it.
    bound = {"nc": constraints(["dns:b.example"]), "san_of_leaf": ["dns:b.example"]}
    table.middle("nc: a CN that does not count", GOOD, names="b.example", **bound)
    table.middle("nc: a CN that counts", BAD, names="example.com", profile="exchange", **bound)
    table.leaf("nc: an address in the subject", GOOD, subject=name(("E", "joe@b.example")))
    root = authority(nc=constraints([MAIL]))
    table.add("nc: an address in the subject is bound", BAD,
              leaf(root, subject=name(("E", "joe@b.example"))), [root])
    root = authority(nc=constraints(["dn:foo"]))
    table.add("nc: the subject is bound", BAD, leaf(root, subject=name("bar")), [root])
    table.add("nc: the subject is permitted", GOOD, leaf(root, subject=name("foo")), [root])
    table.add("nc: the subject below is permitted", GOOD,
              leaf(root, subject=name(("CN", "foo"), ("OU", "x"))), [root])


INSIDE = {"dns": "test.localhost", "ip": "127.0.0.1"}
OUTSIDE = {"dns": "bad.example.com", "ip": "1.1.1.1"}
TREES = {("dns", True): "dns:localhost", ("dns", False): "dns:example.com",
         ("ip", True): "ip:127.0.0.0/24", ("ip", False): "ip:1.1.1.0/24"}
CHOICES = (None, True, False)  # nothing, what is inside, what is outside


def is_forbidden(kind, inside, permits, excludes):
    """Whether a name that is there lies outside of what is permitted or inside of what is not."""
    return inside is not None and (permits[kind] is not None and permits[kind] != inside or
                                   excludes[kind] is not None and excludes[kind] == inside)


def constraint_matrix(table):
    """DNS names and addresses in alternative names and CN, against constraints of both kinds: one
    in 53 of all 8748 combinations. A CN never proves, and alone it never spoils."""
    root = authority("matrix")
    cas = {}
    everything = itertools.product(("dns", "ip"), ("dns", "ip"), *[CHOICES] * 7)
    for at, (asked, of_cn, cn, dns, ip, *bounds) in enumerate(everything):
        if at % 53:
            continue
        permits, excludes = ({"dns": two[0], "ip": two[1]} for two in (bounds[:2], bounds[2:]))
        if tuple(bounds) not in cas:
            trees = [[TREES[kind, side[kind]] for kind in side if side[kind] is not None]
                     for side in (permits, excludes)]
            nc = constraints(*trees) if any(trees) else None
            cas[tuple(bounds)] = authority(f"bound {len(cas)}", root, nc=nc)
        ca = cas[tuple(bounds)]
        there = {"dns": dns, "ip": ip}
        names = [f"{kind}:{(INSIDE if there[kind] else OUTSIDE)[kind]}" for kind in there
                 if there[kind] is not None]
        common = [] if cn is None else [("CN", (INSIDE if cn else OUTSIDE)[of_cn])]
        end = leaf(ca, subject=name(("O", "matrix"), *common),
                   san=san(*names) if names else None)
        holds = there[asked] is True and not any(
            is_forbidden(kind, there[kind], permits, excludes) for kind in there)
        table.add(f"matrix: {asked}, {common}, {names}, permits {permits}, excludes {excludes}",
                  GOOD if holds else BAD, end, [root], [ca], names=INSIDE[asked])


def path_lengths(table):
    for limit, count, expected in ((0, 1, BAD), (0, 0, GOOD), (1, 1, GOOD), (1, 2, BAD),
                                   (None, 3, GOOD)):
        root = authority(pathlen=limit)
        chain, top = [], root
        for at in range(count):
            top = authority(f"ica {at}", top)
            chain.append(top)
        table.add(f"path length: root {limit}, {count} CAs", expected, leaf(top), [root], chain)
    root = authority()
    one = authority("one", root, pathlen=0)
    two = authority("two", one)
    table.add("path length: CA 0 above a CA", BAD, leaf(two), [root], [one, two])
    wide = authority("wide", one, pathlen=5)
    table.add("path length: a CA below cannot widen it", BAD, leaf(wide), [root], [one, wide])
    again = authority("one", one)
    table.add("path length: self-issued does not count", GOOD, leaf(again), [root], [one, again])
    negative = raw("2.5.29.19", sequence(tlv(1, b"\xff"), tlv(2, b"\xff")), True)
    table.middle("path length: negative", BAD, bc=negative)
    chain, top = [], root
    for at in range(9):
        top = authority(f"ica {at}", top)
        chain.append(top)
    table.add("path length: 9 CAs, 8 are the limit", BAD, leaf(top), [root], chain)
    table.add("path length: 9 CAs allowed", GOOD, leaf(top), [root], chain, max_intermediates=9)
    table.add("path length: none allowed", BAD, leaf(one), [root], [one], max_intermediates=0)
    table.add("path length: none allowed, none there", GOOD, leaf(root), [root],
              max_intermediates=0)


def path_building(table):
    """EX-24: several issuers of one name and key."""
    root, lost = authority(), authority("lost")
    key = new_key()
    good = authority("cross", root, key=key)
    past = authority("cross", root, key=key, end=datetime.datetime(2021, 1, 1))
    astray = authority("cross", lost, key=key)
    bare = authority("cross", root, key=key, bc=None)
    bound = authority("cross", root, key=key, nc=constraints(["dns:other.example"]))
    client = authority("cross", root, key=key, eku=eku(CLIENT))
    short = authority("cross", root, key=key, digest=hashes.SHA1())
    no_usage = authority("cross", root, key=key, ku=usage("crl_sign"))
    stranger = authority("cross", root)  # another key of the same name
    end = leaf(good)
    bad = {"expired": past, "to a lost root": astray, "no CA": bare, "constrained": bound,
           "for clients": client, "SHA-1": short, "without keyCertSign": no_usage,
           "another key": stranger}
    for title, wrong in bad.items():
        table.add(f"path: {title}, then the good one", GOOD, end, [root], [wrong, good])
        table.add(f"path: the good one, then {title}", GOOD, end, [root], [good, wrong])
        table.add(f"path: {title} alone", BAD, end, [root], [wrong])
    table.add("path: all wrong ones first", GOOD, end, [root], [*bad.values(), good])
    table.add("path: all wrong ones", BAD, end, [root], list(bad.values()))
    # A loop: two CAs that certify each other.
    a_key, b_key = new_key(), new_key()
    a_first = authority("a", None, key=a_key)
    b_first = authority("b", None, key=b_key)
    a, b = authority("a", b_first, key=a_key), authority("b", a_first, key=b_key)
    table.add("path: a loop", BAD, leaf(a), [root], [a, b])
    way_out = authority("b", root, key=b_key)
    table.add("path: a loop with a way out", GOOD, leaf(a), [root], [a, b, way_out])
    # The partner's root, certified by ours (cross-certificate), beside itself (EX-24).
    theirs = authority("theirs")
    cross = authority("theirs", root, key=theirs.key)
    table.add("path: by a cross-certificate to our root", GOOD, leaf(theirs), [root],
              [theirs, cross])
    table.add("path: the same, its root not sent", GOOD, leaf(theirs), [root], [cross])
    table.add("path: expired anchor beside a good one", GOOD, leaf(good), [
        authority("root", key=root.key, end=datetime.datetime(2021, 1, 1)), root], [good])
    strict = authority("root a", nc=constraints([], ["dns:example.com"]))
    loose = authority("root b")
    by_strict, by_loose = (authority("cross", top, key=key) for top in (strict, loose))
    table.add("path: the first root forbids the name", GOOD, end, [strict, loose],
              [by_strict, by_loose])


def policy_rules(table):
    one, two = "1.3.6.1.4.1.55555.2.1", "1.3.6.1.4.1.55555.2.2"
    for title, of_ca, of_leaf, extra, expected in (
            ("explicit, the same", [one], [one], [policy_constraints(explicit=0)], GOOD),
            ("explicit, another", [one], [two], [policy_constraints(explicit=0)], BAD),
            ("explicit, none in the leaf", [one], [], [policy_constraints(explicit=0)], BAD),
            ("explicit from two below", [one], [two], [policy_constraints(explicit=2)], GOOD),
            ("not asked for, another", [one], [two], [], GOOD),
            ("any above", ["2.5.29.32.0"], [two], [policy_constraints(explicit=0)], GOOD),
            ("mapped", [one], [two], [policy_mappings((one, two)), policy_constraints(explicit=0)],
             GOOD),
            ("mapped to any", [one], [two], [policy_mappings((one, "2.5.29.32.0"))], BAD),
            ("empty constraints", [one], [one], [raw("2.5.29.36", sequence(), True)], BAD)):
        root = authority()
        ca = authority("ica", root, pol=policies(*of_ca), extra=extra)
        end = leaf(ca, pol=policies(*of_leaf)) if of_leaf else leaf(ca)
        table.add(f"policy: {title}", expected, end, [root], [ca])
    root = authority()
    ca = authority("ica", root, pol=policies("2.5.29.32.0"),
                   extra=[raw("2.5.29.54", tlv(2, b"\0"), True), policy_constraints(explicit=0)])
    table.add("policy: any is inhibited", BAD, leaf(ca, pol=policies("2.5.29.32.0")), [root], [ca])
    table.leaf("policy: twice the same", BAD, pol=policies(one, one))


def revocation(table):
    """EX-41: with --crl every certificate below the anchor must have a status."""
    root = authority()
    ca = authority("ica", root)
    end, other = leaf(ca), leaf(ca)
    clean, below = crl(root), crl(ca)
    both = [clean, below]
    day = datetime.datetime
    table.add("crl: good", GOOD, end, [root], [ca], both)
    table.add("crl: another is revoked", GOOD, end, [root], [ca], [clean, crl(ca, [other.serial])])
    table.add("crl: the leaf is revoked", BAD, end, [root], [ca], [clean, crl(ca, [end.serial])])
    table.add("crl: the CA is revoked", BAD, end, [root], [ca], [crl(root, [ca.serial]), below])
    table.add("crl: none for the leaf", BAD, end, [root], [ca], [clean])
    table.add("crl: none for the CA", BAD, end, [root], [ca], [below])
    table.add("crl: on hold", BAD, end, [root], [ca],
              [clean, crl(ca, [end.serial], reason="certificate_hold")])
    table.add("crl: out of date", BAD, end, [root], [ca], [
        clean, crl(ca, this=day(2026, 4, 1), following=day(2026, 5, 1))])
    table.add("crl: not yet", BAD, end, [root], [ca], [
        clean, crl(ca, this=day(2026, 6, 20), following=day(2026, 7, 1))])
    table.add("crl: on its last second", GOOD, end, [root], [ca], [
        clean, crl(ca, following=day(2026, 6, 1, 12))])
    table.add("crl: on its first second", GOOD, end, [root], [ca], [
        clean, crl(ca, this=day(2026, 6, 1, 12))])
    stranger = authority("ica", root)
    table.add("crl: signed by another key", BAD, end, [root], [ca], [
        clean, crl(ca, signer=stranger)])
    table.add("crl: of another CA of that name", BAD, end, [root], [ca], [clean, crl(stranger)])
    table.add("crl: of another CA", BAD, end, [root], [ca], [clean, crl(authority("x"))])
    silent = authority("silent", root, ku=usage("key_cert_sign"))
    table.add("crl: the CA may not sign lists", BAD, leaf(silent), [root], [silent],
              [clean, crl(silent)])
    table.add("crl: SHA-1", BAD, end, [root], [ca], [clean, crl(ca, digest=hashes.SHA1())])
    unknown = raw(UNKNOWN_OID, b"\x05\0", True)
    table.add("crl: unknown and critical", BAD, end, [root], [ca], [clean, crl(ca, extra=[unknown])])
    table.add("crl: unknown and critical in an entry", BAD, end, [root], [ca], [
        clean, crl(ca, [other.serial], entry_extra=[unknown])])
    table.add("crl: no number", BAD, end, [root], [ca], [clean, crl(ca, number=None)])
    delta = made(x509.DeltaCRLIndicator(1), True)
    table.add("crl: a delta alone", BAD, end, [root], [ca], [clean, crl(ca, number=2,
                                                                        extra=[delta])])
    table.add("crl: a delta revokes", BAD, end, [root], [ca], [
        clean, below, crl(ca, [end.serial], number=2, extra=[delta])])
    for title, content, expected in (
            ("user certificates", tlv(0x81, b"\xff"), GOOD), ("CAs", tlv(0x82, b"\xff"), BAD),
            ("attributes", tlv(0x85, b"\xff"), BAD), ("indirect", tlv(0x84, b"\xff"), BAD),
            ("some reasons", tlv(0x83, b"\x06\x40"), BAD)):
        scope = raw("2.5.29.28", sequence(content), True)
        table.add(f"crl: for {title} only", expected, end, [root], [ca],
                  [clean, crl(ca, extra=[scope])])
    revocation_scopes(table)
    table.add("crl: garbage", BAD, end, [root], [ca], [clean, b"garbage"])
    table.add("crl: two, one out of date", GOOD, end, [root], [ca], [
        clean, crl(ca, this=day(2026, 4, 1), following=day(2026, 5, 1)), below])
    table.add("crl: revoked in the older of two", BAD, end, [root], [ca], [
        clean, crl(ca, [end.serial]), crl(ca, number=2)])
    key = ca.key
    second = authority("ica", root, key=key)
    table.add("crl: one CA of two is revoked, the other path holds", GOOD, leaf(ca), [root],
              [ca, second], [crl(root, [ca.serial]), below])


def revocation_scopes(table):
    """RFC 5280 5.2.5, 6.3.3 (b)(2): a list for one place is for who names that place."""
    url = "http://example.com/part.crl"
    root = authority()

    def points(*names):
        return raw("2.5.29.31", sequence(sequence(tlv(0xA0, tlv(0xA0, *map(general_name, names))))))

    def place(*names, more=b""):
        return raw("2.5.29.28", sequence(tlv(0xA0, tlv(0xA0, *map(general_name, names))), more),
                   True)

    relative = raw("2.5.29.28", sequence(tlv(0xA0, tlv(0xA1, sequence(
        tlv(6, x509_oid("2.5.4.3")), tlv(0x0C, b"part"))))), True)
    here, other, odd = f"uri:{url}", f"uri:{url}x", "uri:http://example.com/%70art.crl"
    rows = (("the same place", points(here), place(here), GOOD),
            ("any place", points(here), None, GOOD),
            ("another place", points(here), place(other), BAD),
            ("the same place written otherwise", points(odd), place(here), BAD),
            ("a place, and the certificate names none", None, place(here), BAD),
            ("a place relative to the issuer", None, relative, BAD),
            ("a place that is a host's name too", points(here), place(here, "dns:example.com"), BAD),
            ("a place, and the certificate names a host too", points(here, "dns:example.com"),
             place(here), BAD),
            ("a place and some reasons", points(here), place(here, more=tlv(0x83, b"\x06\x40")), BAD),
            ("a place, indirect", points(here), place(here, more=tlv(0x84, b"\xff")), BAD))
    for title, named, scope, expected in rows:
        table.add(f"crl: for {title}", expected, leaf(root, cdp=named) if named else leaf(root),
                  [root], lists=[crl(root, extra=[scope] if scope else [])])


def pathological(table):
    root = authority()
    key = new_key()
    many = [authority("same", root, key=new_key()) for _ in range(60)]
    table.add("hostile: 60 CAs of one name, none fits", BAD,
              leaf(authority("same", root, key=key)), [root], many)
    levels, tops = [], [root]
    for level in range(5):
        keys = [new_key() for _ in range(3)]
        made_here = [authority(f"level {level}", top, key=one) for top in tops for one in keys]
        levels += made_here
        tops = made_here[:3]
    table.add("hostile: a thicket to nowhere", BAD, leaf(authority("level 4")), [root], levels[:100])
    names = [f"dns:h{at}.a.example" for at in range(1500)]
    bound = authority("ica", root, nc=constraints([f"dns:z{at}.example" for at in range(1500)]))
    table.add("hostile: 1500 names, 1500 constraints", BAD,
              leaf(bound, subject=name(), san=san(*names, critical=True)), [root], [bound],
              names=None)
    table.leaf("hostile: 2000 names, the last one fits", GOOD, subject=name(),
               san=san(*names[:1499], "dns:example.com", critical=True))


def changed(made, signer, before, after):
    """The certificate with these bytes of its signed part replaced, and signed anew."""
    def edit(tbs):
        assert before in tbs
        _, content, _ = split_tlv(tbs)
        return sequence(content.replace(before, after))
    return resigned(made, signer, edit)


def hostile_forms(table):
    """What a lenient reader takes for something else: RFC 5280 4.1, DER, RFC 3279."""
    root = authority()
    end = leaf(root)
    table.add("form: the version is 2 to the 32nd + 2", BAD, changed(
        end, root, bytes.fromhex("a003020102"), bytes.fromhex("a0070205") + b"\1\0\0\0\2"),
        [root])
    for title, octets in (("4", b"\3"), ("0", b"\xff"), ("129", b"\0\x80")):
        bare = certificate(name("example.com"), root, [], version=x509.Version.v1)
        # Without extensions: the other rules have nothing to say.
        table.add(f"form: version {title}, for a partner", BAD, resigned(
            bare, root, lambda tbs, octets=octets: sequence(
                tlv(0xA0, tlv(2, octets)), split_tlv(tbs)[1])), [root], profile="exchange")
    last = tlv(0x18, b"20500101000000Z")
    for text in (b"20500101000000.5Z", b"205001010000Z", b"20500101000000+0100", b"20500101000000"):
        table.add(f"form: the date {text.decode()}", BAD,
                  changed(end, root, last, tlv(0x18, text)), [root])
    first = tlv(0x17, b"200101000000Z")
    for text in (b"2001010000Z", b"200101000000+0000", b"200101000000"):
        table.add(f"form: the date {text.decode()}", BAD,
                  changed(end, root, first, tlv(0x17, text)), [root])
    body = split_tlv(end.der)[1]
    table.add("form: an outer length that is too long", BAD, Made(
        b"\x30\x83" + len(body).to_bytes(3, "big") + body, None, None), [root])
    table.add("form: an outer length that is not said", BAD,
              Made(b"\x30\x80" + body + b"\0\0", None, None), [root])
    plain = bytes.fromhex("300a06082a8648ce3d040302")
    for title, extra in (("NULL", "0500"), ("a string", "04020102")):
        odd = sequence(plain[2:], bytes.fromhex(extra))
        def edit(tbs, odd=odd):
            return sequence(split_tlv(tbs)[1].replace(plain, odd, 1))
        made_odd = resigned(end, root, edit)
        _, content, _ = split_tlv(made_odd.der)
        table.add(f"form: ECDSA with {title} as parameter", BAD,
                  Made(sequence(content.replace(plain, odd)), None, None), [root])
    for bits in (1976, 2040):
        key = rsa.generate_private_key(65537, bits)
        table.add(f"key: leaf RSA {bits}", BAD, leaf(root, key=key), [root])
        weak = authority("ica", root, key=key)
        table.add(f"key: CA RSA {bits}", BAD, leaf(weak), [root], [weak])
    prefix = "1.3.6.1.4.1." + "1234567890." * 11

    def long_policy(end):
        return raw("2.5.29.32", sequence(sequence(tlv(6, x509_oid(prefix + end)))))

    ca = authority("ica", root, pol=long_policy("1.77777777"),
                   extra=[policy_constraints(explicit=0)])
    table.add("policy: two that differ at the end only", BAD,
              leaf(ca, pol=long_policy("2.88888888")), [root], [ca])
    table.add("policy: a long one, the same", GOOD,
              leaf(ca, pol=long_policy("1.77777777")), [root], [ca])
    bound = authority("ica", root, nc=constraints(["dns:good.example"]))
    for cn in ("1.2.3", "9.1.2.3.5", "intranet"):
        table.add(f"nc: the CN {cn}, for a partner", BAD,
                  leaf(bound, san=None, subject=name(cn)), [root], [bound], names=cn,
                  profile="exchange")
    bound = authority("ica", root, nc=constraints(["uri:.example.com"]))
    for uri in ("mailto:x?y=http://a.example.com/", "urn:a:b://a.example.com", "://a.example.com",
                "1http://a.example.com", "javascript:alert(1)//://a.example.com",
                "http:evil.org?://a.example.com/", "http://evil.org\\@a.example.com/"):
        table.add(f"nc: the URI {uri}", BAD, leaf(bound, san=san("dns:example.com", "uri:" + uri)),
                  [root], [bound])
    table.add("nc: a URI with a user and a port", GOOD, leaf(bound, san=san(
        "dns:example.com", "uri:https://u@a.example.com:8443/x")), [root], [bound])


def revoked_in_another(table):
    """What a list revokes is revoked, though its form is wrong and another list is good."""
    root = authority()
    end, other = leaf(root), leaf(root)
    good = crl(root)
    later = {"this": datetime.datetime(2026, 5, 25)}
    critical = made(x509.CRLNumber(2), True)
    for title, words in (
            ("well-formed", {"number": 2}), ("without a number", {"number": None}),
            ("with a critical number", {"number": None, "extra": [critical]}),
            ("with a scope that is not critical",
             {"number": 2, "extra": [raw("2.5.29.28", sequence(tlv(0x81, b"\xff")))]})):
        table.add(f"crl: a good one, and a newer one {title} that revokes", BAD, end, [root],
                  lists=[good, crl(root, [end.serial], **later, **words)])
    table.add("crl: a good one, and a newer one with a number twice that revokes", BAD, end, [root],
              lists=[good, crl(root, [end.serial, other.serial, other.serial], number=2, **later)])
    pem = b"".join(x509.load_der_x509_crl(one).public_bytes(serialization.Encoding.PEM)
                   for one in (good, crl(root, [end.serial], number=2)))
    table.add("crl: two in a file, the second revokes", BAD, end, [root], lists=[pem])
    ca = authority("ica", root)
    both = b"0 prose before\n" + b"".join(
        x509.load_der_x509_crl(one).public_bytes(serialization.Encoding.PEM)
        for one in (good, crl(ca)))
    table.add("crl: one file for all CAs", GOOD, leaf(ca), [root], [ca], lists=[both])
    delta = made(x509.DeltaCRLIndicator(1), True)
    twins = [crl(root, [end.serial], number=2, extra=[delta], reason=reason)
             for reason in ("key_compromise", "remove_from_crl")]
    for title, order in (("revoking first", twins), ("revoking last", twins[::-1])):
        table.add(f"crl: two deltas of one number, {title}", BAD, end, [root], lists=[good, *order])


AREAS = (basics, extensions, authorities, serials, validity, usages, keys, strict_names, addresses,
         name_constraints, constraints_along_the_path, constraint_matrix, path_lengths, path_building, policy_rules,
         revocation, revoked_in_another, hostile_forms, pathological)


def all_vectors():
    table = Table()
    for area in AREAS:
        area(table)
    return table.rows
