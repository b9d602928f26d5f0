"""Certificates that an organisation of the lab might show, good and bad; its revocation list."""

import datetime
import os
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT_AND_SERVER = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
SERVER_ONLY = (ExtendedKeyUsageOID.SERVER_AUTH,)
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write_key(path, key):
    with open(path, "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))


class Authority:
    """A CA: an organisation's own (`of`) or a stranger's (`stranger`)."""

    def __init__(self, certificate, key, directory, crl_url):
        self.certificate = certificate
        self.key = key
        self.directory = directory
        self.crl_url = crl_url

    @classmethod
    def of(cls, organisation, directory):
        with open(organisation.ca_certificate, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        with open(organisation.ca_key, "rb") as file:
            key = serialization.load_pem_private_key(file.read(), None)
        return cls(certificate, key, directory, organisation.crl_url)

    @classmethod
    def stranger(cls, directory, crl_url, name="Some other CA"):
        key = ec.generate_private_key(ec.SECP256R1())
        name = name_of(name)
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
                       .public_key(key.public_key()).serial_number(x509.random_serial_number())
                       .not_valid_before(now() - DAY).not_valid_after(now() + 100 * DAY)
                       .add_extension(x509.BasicConstraints(True, None), critical=True)
                       .sign(key, hashes.SHA256()))
        return cls(certificate, key, directory, crl_url)

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, host, start=-DAY, end=30 * DAY, usage=CLIENT_AND_SERVER, crl_url=None,
              more=()):
        """A certificate for `host`, and for `more` names; (certificate file, key file, serial)."""
        key = ec.generate_private_key(ec.SECP256R1())
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url or self.crl_url)],
                                       None, None, None)
        certificate = (x509.CertificateBuilder().subject_name(name_of(host))
                       .issuer_name(self.certificate.subject).public_key(key.public_key())
                       .serial_number(x509.random_serial_number())
                       .not_valid_before(now() + start).not_valid_after(now() + end)
                       .add_extension(x509.BasicConstraints(False, None), critical=True)
                       .add_extension(x509.SubjectAlternativeName(
                           [x509.DNSName(name) for name in (host, *more)]), False)
                       .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
                       .add_extension(x509.CRLDistributionPoints([point]), critical=False)
                       .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                           self.key.public_key()), critical=False)
                       .sign(self.key, hashes.SHA256()))
        return self._write(certificate, key)

    def _write(self, certificate, key):
        base = os.path.join(self.directory, uuid.uuid4().hex)
        with open(base + ".crt", "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
            file.write(self.certificate.public_bytes(serialization.Encoding.PEM))
        write_key(base + ".key", key)
        return base + ".crt", base + ".key", certificate.serial_number

    def publish(self, crl_file, serials):
        """Replaces the list that the lab serves over HTTP by one that has `serials` as well."""
        with open(crl_file, "rb") as file:
            old = file.read()
        is_pem = old.startswith(b"-----")
        load = x509.load_pem_x509_crl if is_pem else x509.load_der_x509_crl
        previous = load(old)
        try:
            number = previous.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except x509.ExtensionNotFound:
            number = 0
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
                   .last_update(now()).next_update(now() + 7 * DAY)
                   .add_extension(x509.CRLNumber(number + 1), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.key.public_key()), critical=False))
        for entry in previous:
            builder = builder.add_revoked_certificate(entry)
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial)
                .revocation_date(now()).build())
        encoding = serialization.Encoding.PEM if is_pem else serialization.Encoding.DER
        with open(crl_file + ".new", "wb") as file:
            file.write(builder.sign(self.key, hashes.SHA256()).public_bytes(encoding))
        os.replace(crl_file + ".new", crl_file)
