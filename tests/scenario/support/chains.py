"""CAs, chains and revocation lists of any make, right or wrong: the faults of the fault matrix.

The defaults are those of good ones; each fault changes what it is about.
"""

import datetime
import os
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from support.authority import CLIENT_AND_SERVER, DAY, now, write_key

CLIENT_ONLY = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SIGN_CERTIFICATES = {"key_cert_sign": True, "crl_sign": True}
SIGN_SESSIONS = {"digital_signature": True}
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def new_key(bits=None):
    """P-256, or RSA of that many bits."""
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(
        ec.SECP256R1())


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def key_usage(names):
    return x509.KeyUsage(**{usage: names.get(usage, False) for usage in USAGES})


def points(urls):
    return x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier(url) for url in urls], None, None, None)])


class Shown:
    """What a server or client shows: certificates, leaf first, and the leaf's key."""

    def __init__(self, certificates, key):
        self.certificates = certificates
        self.key = key

    @property
    def leaf(self):
        return self.certificates[0]

    def without_intermediates(self):
        return Shown(self.certificates[:1], self.key)

    def files(self, directory):
        """(certificate file, key file)"""
        base = os.path.join(directory, uuid.uuid4().hex)
        with open(base + ".crt", "wb") as file:
            for certificate in self.certificates:
                file.write(certificate.public_bytes(serialization.Encoding.PEM))
        write_key(base + ".key", self.key)
        return base + ".crt", base + ".key"


class Ca:
    """A CA; `crl_url` stands in what it issues, unless a certificate is to have another."""

    def __init__(self, name, issuer=None, crl_url=None, own_crl_url=None, path_length=None,
                 constraints=None, usage=SIGN_CERTIFICATES, extended=None, start=-DAY,
                 end=300 * DAY, key=None):
        self.name = name_of(name)
        self.key = key or new_key()
        self.issuer = issuer
        self.crl_url = crl_url
        signer = issuer or self
        builder = self._begin(self.name, signer, self.key, start, end).add_extension(
            x509.BasicConstraints(True, path_length), critical=True).add_extension(
            key_usage(usage), critical=True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        if constraints:
            builder = builder.add_extension(constraints, critical=True)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        if issuer and (own_crl_url or issuer.crl_url):
            builder = builder.add_extension(points([own_crl_url or issuer.crl_url]), False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @staticmethod
    def _begin(name, signer, key, start, end):
        return (x509.CertificateBuilder().subject_name(name).issuer_name(signer.name)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now() + start).not_valid_after(now() + end)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    signer.key.public_key()), critical=False))

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def above(self):
        """This CA and those above it but the root, as a server sends them."""
        return [] if self.issuer is None else [self.certificate, *self.issuer.above()]

    def issue(self, *hosts, common_name="", start=-DAY, end=90 * DAY, usage=CLIENT_AND_SERVER,
              key_usage_of=SIGN_SESSIONS, crl_url=None, bits=None, digest=None, key=None,
              issuer_url=None, ocsp_url=None):
        """A leaf for these host names; `common_name` is the first of them unless given. With
        `ocsp_url` it has no list."""
        key = key or new_key(bits)
        common_name = common_name or (hosts[0] if hosts else "nobody")
        builder = self._begin(name_of(common_name), self, key, start, end).add_extension(
            x509.BasicConstraints(False, None), critical=True).add_extension(
            key_usage(key_usage_of), critical=True)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(
                [x509.DNSName(host) for host in hosts]), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if (crl_url or self.crl_url) and not ocsp_url:
            builder = builder.add_extension(points([crl_url or self.crl_url]), critical=False)
        access = [x509.AccessDescription(kind, x509.UniformResourceIdentifier(url))
                  for kind, url in ((AuthorityInformationAccessOID.CA_ISSUERS, issuer_url),
                                    (AuthorityInformationAccessOID.OCSP, ocsp_url)) if url]
        if access:
            builder = builder.add_extension(x509.AuthorityInformationAccess(access), False)
        certificate = builder.sign(self.key, digest or hashes.SHA256())
        return Shown([certificate, *self.above()], key)

    def list(self, revoked=(), start=-DAY, end=7 * DAY, signer=None, number=1, freshest=None,
             base=None):
        """A revocation list (DER) with these certificates on it; `signer`: another's key;
        `freshest`: where its delta is; `base`: it is the delta of the list with that number."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
                   .last_update(now() + start).next_update(now() + end)
                   .add_extension(x509.CRLNumber(number), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.key.public_key()), critical=False))
        if freshest:
            builder = builder.add_extension(x509.FreshestCRL([x509.DistributionPoint(
                [x509.UniformResourceIdentifier(freshest)], None, None, None)]), critical=False)
        if base:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                .revocation_date(now() - DAY / 2).build())
        return builder.sign((signer or self).key, hashes.SHA256()).public_bytes(
            serialization.Encoding.DER)

    def ocsp(self, certificate, revoked=False, signer=None):
        """The answer (DER) to who asks for this certificate's status."""
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        builder = ocsp.OCSPResponseBuilder().add_response(
            certificate, self.certificate, hashes.SHA256(), status, now() - DAY / 24,
            now() + DAY, now() - DAY / 2 if revoked else None, None).responder_id(
            ocsp.OCSPResponderEncoding.HASH, (signer or self).certificate)
        return builder.sign((signer or self).key, hashes.SHA256()).public_bytes(
            serialization.Encoding.DER)


def self_signed(host):
    """A leaf that signed itself, as an installation makes it on its first day."""
    key = new_key()
    certificate = (x509.CertificateBuilder().subject_name(name_of(host)).issuer_name(name_of(host))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now() - DAY)
                   .not_valid_after(now() + datetime.timedelta(days=365))
                   .add_extension(x509.BasicConstraints(False, None), critical=True)
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
                   .sign(key, hashes.SHA256()))
    return Shown([certificate], key)
