"""Certificates and revocation lists of any content, right or wrong.

python3-cryptography makes what is well-formed; what it refuses to make is put in as bytes, or
written into the signed part, which is then signed again.
"""

import datetime
import ipaddress
import itertools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

UTC = datetime.timezone.utc
START = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2050, 1, 1)
NOW = "2026-06-01T12:00:00Z"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY_EKU = x509.ObjectIdentifier("2.5.29.37.0")
_serials = itertools.count(1000)


# --- DER, as far as it is needed ---

def tlv(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def split_tlv(data):
    """(tag, content, what follows)"""
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[2:2 + count], "big"), 2 + count
    return tag, data[at:at + size], data[at + size:]


def sequence(*contents):
    return tlv(0x30, *contents)


# --- names and extensions ---

def name(*pairs):
    """name(("CN", "x"), …) or name("x") for a CN alone; name() is empty."""
    oids = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME,
            "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "C": NameOID.COUNTRY_NAME,
            "E": NameOID.EMAIL_ADDRESS}
    pairs = [("CN", pair) if isinstance(pair, str) else pair for pair in pairs]
    return x509.Name([x509.NameAttribute(oids[kind], value) for kind, value in pairs])


def general_name(text):
    """"dns:…", "ip:…" (an address or a range), "mail:…", "uri:…", "dn:CN" as GeneralName bytes."""
    kind, _, value = text.partition(":")
    if kind == "ip":
        if "/" in value:
            network = ipaddress.ip_network(value)
            return tlv(0x87, network.network_address.packed, network.netmask.packed)
        return tlv(0x87, ipaddress.ip_address(value).packed)
    if kind == "iphex":
        return tlv(0x87, bytes.fromhex(value))
    if kind == "dn":
        return tlv(0xA4, name(value).public_bytes() if value else sequence())
    if kind == "other":
        return tlv(0xA0, bytes.fromhex("06032a0304"), tlv(0xA0, tlv(0x0C, value.encode())))
    tag = {"mail": 0x81, "dns": 0x82, "uri": 0x86}[kind]
    return tlv(tag, value.encode("utf-8", "surrogateescape"))


def raw(oid, value, critical=False):
    return x509.Extension(x509.ObjectIdentifier(oid), critical,
                          x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value))


def san(*names, critical=False):
    return raw("2.5.29.17", sequence(*map(general_name, names)), critical)


def constraints(permitted=(), excluded=(), critical=True, bounds=b""):
    """nameConstraints; `bounds`: bytes for minimum and maximum of each subtree."""
    parts = [tlv(tag, *(sequence(general_name(text), bounds) for text in texts))
             for tag, texts in ((0xA0, permitted), (0xA1, excluded)) if texts]
    return raw("2.5.29.30", sequence(*parts), critical)


def made(extension, critical=False):
    return x509.Extension(extension.oid, critical, extension)


def usage(*bits, critical=True):
    words = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return made(x509.KeyUsage(**{word: word in bits for word in words}), critical)


def eku(*purposes, critical=False):
    return made(x509.ExtendedKeyUsage(purposes), critical)


def basic(ca, pathlen=None, critical=True):
    return made(x509.BasicConstraints(ca, pathlen), critical)


def policies(*oids, critical=False):
    return made(x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]), critical)


def policy_constraints(explicit=None, mapping=None):
    return made(x509.PolicyConstraints(explicit, mapping), True)


def policy_mappings(*pairs):
    oid = lambda text: tlv(6, x509_oid(text))  # noqa: E731
    return raw("2.5.29.33", sequence(*(sequence(oid(a), oid(b)) for a, b in pairs)), True)


def x509_oid(text):
    numbers = [int(part) for part in text.split(".")]
    out = bytes([40 * numbers[0] + numbers[1]])
    for number in numbers[2:]:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | (number & 0x7F))
        out += bytes(reversed(digits))
    return out


class Made:
    """A certificate with its key."""

    def __init__(self, der, key, subject):
        self.der, self.key, self.subject = der, key, subject

    @property
    def serial(self):
        return x509.load_der_x509_certificate(self.der).serial_number

    @property
    def pem(self):
        import base64
        body = base64.encodebytes(self.der).decode()
        return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def new_key(kind="p256"):
    return ec.generate_private_key(ec.SECP256R1())


def key_id(key):
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest


def certificate(subject, issuer, extensions, *, key=None, serial=None, start=START, end=END,
                digest=hashes.SHA256(), issuer_name=None, version=None):
    """A certificate with exactly these extensions; `issuer` is a Made, or None: self-signed."""
    key = key or new_key()
    signer = issuer.key if issuer else key
    if issuer_name is None:
        issuer_name = issuer.subject if issuer else subject
    builder = x509.CertificateBuilder(
        issuer_name=issuer_name, subject_name=subject,
        public_key=key.public_key(), serial_number=serial or next(_serials),
        not_valid_before=start, not_valid_after=end)
    builder._extensions = list(extensions)
    if version is not None:
        builder._version = version
    return Made(builder.sign(signer, digest).public_bytes(serialization.Encoding.DER), key, subject)


def replaced(extensions, changes):
    """The usual extensions with changes by OID: another, or None to leave it out."""
    kept = [changes.pop(extension.oid.dotted_string) if extension.oid.dotted_string in changes
            else extension for extension in extensions]
    return [extension for extension in kept + list(changes.values()) if extension is not None]


OIDS = {"ski": "2.5.29.14", "aki": "2.5.29.35", "ku": "2.5.29.15", "eku": "2.5.29.37",
        "bc": "2.5.29.19", "san": "2.5.29.17", "nc": "2.5.29.30", "pol": "2.5.29.32",
        "aia": "1.3.6.1.5.5.7.1.1", "cdp": "2.5.29.31", "pc": "2.5.29.36", "pm": "2.5.29.33",
        "iap": "2.5.29.54"}


def changes_of(words):
    return {OIDS[word]: words.pop(word) for word in list(words) if word in OIDS}


def aki_of(issuer):
    return made(x509.AuthorityKeyIdentifier(key_id(issuer.key), None, None))


def authority(cn="root", issuer=None, *, pathlen=None, extra=(), subject=None, **words):
    """A CA of the usual form; ski=, aki=, ku=, bc=, nc=, … change or (None) remove an extension."""
    changes = changes_of(words)
    key = words.pop("key", None) or new_key()
    usual = [basic(True, pathlen), usage("key_cert_sign", "crl_sign"),
             made(x509.SubjectKeyIdentifier(key_id(key)))]
    if issuer:
        usual.append(aki_of(issuer))
    return certificate(subject if subject is not None else name(cn), issuer,
                       replaced(usual, changes) + list(extra), key=key, **words)


def leaf(issuer, *, subject=None, extra=(), **words):
    """A server's certificate of the usual form for example.com."""
    changes = changes_of(words)
    key = words.pop("key", None) or new_key()
    usual = [made(x509.SubjectKeyIdentifier(key_id(key))), usage("digital_signature"),
             eku(SERVER), san("dns:example.com"), aki_of(issuer)]
    return certificate(subject if subject is not None else name("example.com"), issuer,
                       replaced(usual, changes) + list(extra), key=key, **words)


def resigned(certificate_made, signer, edit):
    """The certificate with its signed part edited (bytes to bytes) and signed again (P-256)."""
    _, content, _ = split_tlv(certificate_made.der)
    _, tbs, rest = split_tlv(content)
    new = edit(tlv(0x30, tbs))
    algorithm = rest[:len(rest) - len(split_tlv(rest)[2])]
    signature = signer.key.sign(new, ec.ECDSA(hashes.SHA256()))
    return Made(sequence(new, algorithm, tlv(3, b"\0", signature)), certificate_made.key,
                certificate_made.subject)


def with_serial(certificate_made, signer, number_bytes):
    """The same with these content bytes as its serial number."""
    def edit(tbs):
        _, content, _ = split_tlv(tbs)
        head, rest = content[:5], content[5:]  # the version
        _, _, after = split_tlv(rest)
        return sequence(head, tlv(2, number_bytes), after)
    return resigned(certificate_made, signer, edit)


# --- revocation lists ---

def crl(issuer, revoked=(), *, this=datetime.datetime(2026, 5, 1),
        following=datetime.datetime(2026, 7, 1), number=1, extra=(), signer=None, reason=None,
        aki=True, digest=hashes.SHA256(), entry_extra=()):
    builder = x509.CertificateRevocationListBuilder(issuer_name=issuer.subject, last_update=this,
                                                    next_update=following)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder(serial, datetime.datetime(2026, 5, 2))
        extensions = list(entry_extra)
        if reason:
            extensions.append(made(x509.CRLReason(x509.ReasonFlags[reason])))
        entry._extensions = extensions
        builder = builder.add_revoked_certificate(entry.build())
    extensions = [aki_of(issuer)] if aki else []
    if number is not None:
        extensions.append(made(x509.CRLNumber(number)))
    builder._extensions = extensions + list(extra)
    return builder.sign((signer or issuer).key, digest).public_bytes(serialization.Encoding.DER)
