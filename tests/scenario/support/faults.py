"""The faults of the fault matrix, one row each.

A row is a partner with a domain of its own, <name>.example, whose mail server stands at
mail.<name>.example. It says what that server shows and how it behaves, and what Valija must find:
the first failing step, the word of the reply, and who must act. `to`: when we send to the partner;
`of`: when the partner shows the same certificate to us as a client. None: this direction does not
apply; PROVEN: the path holds.
"""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support import chains
from support.authority import DAY, SERVER_ONLY


@dataclass(frozen=True)
class Finding:
    """What Valija must find. `words`: what the evidence must name for a person to understand."""

    step: str
    reason: str = ""
    who: str = ""
    words: tuple = ()
    state: str = "fail"
    is_counted: bool = True  # as a failed session of a partner: not where TLS was never in reach


PROVEN = Finding("verdict", state="pass")


@dataclass
class Materials:
    """What every row can use: the partner's CA (an anchor), and a web server for lists."""

    root: chains.Ca
    web: object
    dead_url: str      # nobody listens there
    proxied_url: str   # reached through the proxy, which is dead

    def intermediate(self, fault, **options):
        """A CA of the row's own below the root; its list is in order."""
        path = f"/{fault.name}.crl"
        made = chains.Ca(f"CA for {fault.name}", self.root, self.web.url + path, **options)
        self.web.files[path] = made.list()
        return made


@dataclass
class Fault:
    name: str
    shows: Callable = None  # (Materials, Fault) -> chains.Shown
    to: Finding = None
    of: Finding = None
    rule: str = ""          # lines of the partner's file
    manners: dict = field(default_factory=dict)
    zone: str = "{name} MX 10 mail.{name}\nmail.{name} A {address}\n"
    is_up: bool = True      # somebody listens
    ptr: str = ""           # name of the server's (and client's) address
    top: str = "example"    # "signed": the zone that is signed
    tlsa: Callable = None   # Shown -> the data of a TLSA record of the mail server
    receive: str = "enforce"

    @property
    def domain(self):
        return f"{self.name}.{self.top}"

    @property
    def host(self):
        return f"mail.{self.domain}"

    def zone_lines(self, address, port, shown):
        lines = self.zone.format(name=self.name, address=address)
        if self.tlsa:
            lines += f"_{port}._tcp.mail.{self.name} TLSA {self.tlsa(shown)}\n"
        return lines


def good(m, fault):
    return m.root.issue(fault.host)


# ---- dates

def expired(m, fault):
    return m.root.issue(fault.host, start=-30 * DAY, end=-DAY / 2)


def not_yet_valid(m, fault):
    return m.root.issue(fault.host, start=DAY / 2)


def expired_intermediate(m, fault):
    return m.intermediate(fault, start=-30 * DAY, end=-DAY / 2).issue(fault.host)


DATES = [
    Fault("expired", expired, *[Finding("dates", "DateInvalid", "partner", ("expired",))] * 2),
    Fault("not-yet-valid", not_yet_valid,
          *[Finding("dates", "DateInvalid", "partner", ("not valid yet",))] * 2),
    Fault("expired-intermediate", expired_intermediate,
          *[Finding("dates", "DateInvalid", "partner", ("CA for expired-intermediate",))] * 2),
]

# ---- names

def named(*hosts, **options):
    return lambda m, fault: m.root.issue(*(host.format(fault.domain) for host in hosts), **options)


def prose(m, fault):
    return m.root.issue(common_name="Example Bank, Mail Gateway 1")


def without_subject(m, fault):
    return m.root.issue("mail.elsewhere.example", common_name=" ")


def look_alike(m, fault):
    """The domain with a Cyrillic o in it, as an A-label."""
    name = fault.domain.replace("o", "\N{CYRILLIC SMALL LETTER O}", 1).encode("idna").decode()
    return m.root.issue(f"mail.{name}", common_name="look-alike")


def relay(m, fault):
    """Named as a hosting company's machine is; only the PTR name leads to it."""
    return m.root.issue("x.elsewhere.example", common_name=f"relay.{fault.domain}")


def mismatch(*words):
    return Finding("identity", "SubjectMismatch", "partner", words)


def both(finding):
    return {"to": finding, "of": finding}


NAMES = [
    Fault("two-labels-below", named("mx1.us.{}"), **both(mismatch("mx1.us.two-labels-below"))),
    Fault("other-domain", named("mail.elsewhere.example"),
          **both(mismatch("mail.elsewhere.example"))),
    Fault("wildcard-too-deep", named("*.us.{}"), **both(mismatch("*.us.wildcard-too-deep"))),
    Fault("suffix-only", named("{}.elsewhere.example"), **both(mismatch("elsewhere.example"))),
    Fault("prose", prose, **both(mismatch("Mail Gateway 1"))),
    Fault("look-alike-shop", look_alike, **both(mismatch("xn--"))),
    Fault("strict-host", named("mail.{}"), rule='match = "strict"\n',
          **both(mismatch("mail.strict-host.example"))),
    Fault("strict-cn", named("mail.elsewhere.example", common_name="strict-cn.example"),
          rule='match = "strict"\n', **both(mismatch("mail.elsewhere.example"))),
    Fault("unpinned", good, rule=f'match = "pinned"\npins = ["{"0" * 64}"]\n',
          **both(Finding("identity", "SubjectMismatch", "you", ("pin",)))),
    Fault("not-this-one", good, rule='match = "direct"\n',
          **both(Finding("identity", "SubjectMismatch", "you", ("none of the certificates",)))),
    Fault("verify-mx-name", named("mail.{}"), rule='match = "cisco-verify"\n',
          **both(mismatch("mail.verify-mx-name.example"))),
    Fault("hosted-cn", named("mail.elsewhere.example", common_name="hosted-cn.example"),
          rule='match = "cisco-hosted"\n', **both(mismatch("mail.elsewhere.example"))),
    Fault("hosted-route", named("mx.elsewhere.example"),
          rule='match = "cisco-hosted"\nroutes = ["mail.hosted-route.example"]\n',
          to=mismatch("mx.elsewhere.example", "route")),
    Fault("ptr-confirmed", relay, rule='match = "cisco-verify"\n', to=PROVEN, of=PROVEN,
          ptr="relay.ptr-confirmed.example",
          zone=Fault.zone + "relay.{name} A {address}\n"),
    Fault("ptr-unconfirmed", relay, rule='match = "cisco-verify"\n',
          ptr="relay.ptr-unconfirmed.example",
          **both(mismatch("relay.ptr-unconfirmed.example", "confirmed"))),
]

# ---- chains

def no_intermediate(m, fault):
    ca = m.intermediate(fault)
    return ca.issue(fault.host, issuer_url=m.web.url + "/ca.cer").without_intermediates()


def unknown_root(m, fault):
    other = chains.Ca("Somebody Else's Root")
    shown = other.issue(fault.host)
    shown.certificates.append(other.certificate)
    return shown


def unknown_issuer(m, fault):
    return chains.Ca("Somebody Else's Root").issue(fault.host)


def same_name(m, fault):
    """A CA that calls itself as the partner's does."""
    impostor = chains.Ca("Matrix Root", crl_url=m.root.crl_url)
    return impostor.issue(fault.host)


def weak_key(m, fault):
    return m.root.issue(fault.host, bits=1024)


def sha1(m, fault):
    return m.root.issue(fault.host, digest=hashes.SHA1())


def weak_intermediate(m, fault):
    return m.intermediate(fault, key=chains.new_key(1024)).issue(fault.host)


def not_permitted(m, fault):
    only = x509.NameConstraints([x509.DNSName("elsewhere.example")], None)
    return m.intermediate(fault, constraints=only).issue(fault.host)


def excluded(m, fault):
    never = x509.NameConstraints(None, [x509.DNSName(fault.domain)])
    return m.intermediate(fault, constraints=never).issue(fault.host)


def too_long(m, fault):
    above = m.intermediate(fault, path_length=0)
    path = f"/{fault.name}-2.crl"
    below = chains.Ca("One CA too many", above, m.web.url + path)
    m.web.files[path] = below.list()
    return below.issue(fault.host)


def issued_by_leaf(m, fault):
    """A partner's ordinary certificate signs another one."""
    leaf = m.root.issue(fault.host)
    signer = chains.Ca("unused", m.root, key=leaf.key)
    signer.name, signer.certificate = chains.name_of(fault.host), leaf.leaf
    return signer.issue(f"mx2.{fault.domain}")


def may_not_sign(m, fault):
    return m.intermediate(fault, usage=chains.SIGN_SESSIONS).issue(fault.host)


CHAINS = [
    Fault("no-intermediate", no_intermediate, **both(
        Finding("chain", "IncompleteChain", "partner", ("CA for no-intermediate",)))),
    Fault("unknown-root", unknown_root, **both(
        Finding("chain", "UntrustedRoot", "you", ("Somebody Else",)))),
    Fault("unknown-issuer", unknown_issuer, **both(
        Finding("chain", "IncompleteChain", "you", ("Somebody Else",)))),
    Fault("self-signed", lambda m, fault: chains.self_signed(fault.host), **both(
        Finding("chain", "UntrustedRoot", "you", ("self-signed",)))),
    Fault("same-name", same_name, **both(
        Finding("chain", "UntrustedRoot", "partner", ("Matrix Root", "another key")))),
    Fault("weak-key", weak_key, manners={"is_lax": True}, **both(
        Finding("chain", "WeakKey", "partner", ("1024",)))),
    Fault("sha1", sha1, manners={"is_lax": True}, **both(
        Finding("chain", "WeakKey", "partner", ("SHA-1",)))),
    Fault("weak-intermediate", weak_intermediate, manners={"is_lax": True}, **both(
        Finding("chain", "WeakKey", "CA", ("1024", "CA for weak-intermediate")))),
    Fault("not-permitted", not_permitted, **both(
        Finding("chain", "ConstraintViolation", "CA", ("mail.not-permitted.example",)))),
    Fault("excluded", excluded, **both(
        Finding("chain", "ConstraintViolation", "CA", ("mail.excluded.example",)))),
    Fault("path-too-long", too_long, **both(Finding("chain", "ConstraintViolation", "CA"))),
    Fault("issued-by-leaf", issued_by_leaf, **both(Finding("chain", "ConstraintViolation", "CA"))),
    Fault("may-not-sign", may_not_sign, **both(Finding("chain", "ConstraintViolation", "CA"))),
]

# ---- usage

def usable(usage, **options):
    return lambda m, fault: m.root.issue(fault.host, usage=usage, **options)


def ca_for(usage):
    return lambda m, fault: m.intermediate(fault, extended=usage).issue(fault.host)


def misused(who, *words):
    return Finding("usage", "UsageInvalid", who, words)


USAGE = [
    Fault("server-only", usable(SERVER_ONLY), to=PROVEN, of=misused("partner", "clientAuth")),
    Fault("server-only-tolerated", usable(SERVER_ONLY), to=PROVEN, of=PROVEN,
          rule='client_eku = "server-auth-tolerated"\n'),
    Fault("client-only", usable(chains.CLIENT_ONLY), to=misused("partner", "serverAuth"),
          of=PROVEN),
    Fault("no-signatures", usable(chains.CLIENT_AND_SERVER,
                                  key_usage_of={"key_agreement": True}),
          **both(misused("partner", "signature"))),
    Fault("ca-for-servers", ca_for(SERVER_ONLY), to=PROVEN,
          of=misused("CA", "CA for ca-for-servers", "clients")),
    Fault("ca-for-clients", ca_for(chains.CLIENT_ONLY), of=PROVEN,
          to=misused("CA", "CA for ca-for-clients", "servers")),
]

# ---- revocation

def revoked_leaf(m, fault):
    ca = m.intermediate(fault)
    shown = ca.issue(fault.host)
    m.web.files[f"/{fault.name}.crl"] = ca.list([shown.leaf])
    return shown


def revoked_intermediate(m, fault):
    """The list of a CA between root and row: of its own, as the root's is everybody's."""
    upper = m.intermediate(fault)
    path = f"/{fault.name}-2.crl"
    lower = chains.Ca("Revoked CA", upper, m.web.url + path)
    m.web.files[path] = lower.list()
    m.web.files[f"/{fault.name}.crl"] = upper.list([lower.certificate])
    return lower.issue(fault.host)


def in_a_delta(revoked):
    """The whole list is older than its delta, which alone has the certificate, or nothing new."""
    def shows(m, fault):
        ca = m.intermediate(fault)
        path = f"/{fault.name}-delta.crl"
        shown = ca.issue(fault.host)
        m.web.files[f"/{fault.name}.crl"] = ca.list(number=5, freshest=m.web.url + path)
        m.web.files[path] = ca.list([shown.leaf] if revoked else [], number=6, base=5)
        return shown
    return shows


def by_ocsp(revoked=False, signer=None):
    """No list, but somebody who answers; `signer`: in whose name."""
    def shows(m, fault):
        ca = m.intermediate(fault)
        path = f"/{fault.name}.ocsp"
        shown = ca.issue(fault.host, ocsp_url=m.web.url + path)
        m.web.files[path] = ca.ocsp(shown.leaf, revoked, signer)
        return shown
    return shows


def with_list(make):
    """`make(ca)` gives the list that the row's CA publishes."""
    def shows(m, fault):
        ca = m.intermediate(fault)
        m.web.files[f"/{fault.name}.crl"] = make(ca)
        return ca.issue(fault.host)
    return shows


def with_url(url):
    return lambda m, fault: m.intermediate(fault).issue(fault.host, crl_url=url(m))


def without_points(m, fault):
    ca = m.intermediate(fault)
    ca.crl_url = None
    return ca.issue(fault.host)


def slow_list(m, fault):
    m.web.slow.add("/never.crl")
    return m.intermediate(fault).issue(fault.host, crl_url=m.web.url + "/never.crl")


def offline(who, *words):
    return both(Finding("revocation", "RevocationOffline", who, words, state="unknown"))


REVOKED = both(Finding("revocation", "Revoked", "partner", ("revoked",)))

REVOCATION = [
    Fault("revoked", revoked_leaf, **REVOKED),
    Fault("revoked-intermediate", revoked_intermediate, **REVOKED),
    Fault("revoked-in-delta", in_a_delta(True), **REVOKED),
    Fault("not-in-delta", in_a_delta(False), **both(PROVEN)),
    Fault("revoked-by-ocsp", by_ocsp(True), **REVOKED),
    Fault("good-by-ocsp", by_ocsp(), **both(PROVEN)),
    Fault("forged-ocsp", by_ocsp(signer=chains.Ca("x")), **offline("CA")),
    Fault("stale-list", with_list(lambda ca: ca.list(start=-9 * DAY, end=-DAY)), **offline("CA")),
    Fault("future-list", with_list(lambda ca: ca.list(start=DAY)), **offline("CA")),
    Fault("forged-list", with_list(lambda ca: ca.list(signer=chains.Ca("x"))),
          **offline("CA", "signature")),
    Fault("list-of-another", with_list(lambda ca: chains.Ca("Another CA").list()),
          **offline("CA")),
    Fault("garbage-list", with_list(lambda ca: b"<html>not here any more</html>"),
          **offline("CA")),
    Fault("list-not-found", with_url(lambda m: m.web.url + "/nothing.crl"), **offline("CA", "404")),
    Fault("list-host-dead", with_url(lambda m: m.dead_url), **offline("you")),
    Fault("list-host-slow", slow_list, **offline("you")),
    Fault("ldap-dead", with_url(lambda m: "ldap://127.0.0.1:1/cn=crl?certificateRevocationList"),
          **offline("you", "ldap://127.0.0.1:1")),
    Fault("proxy-dead", with_url(lambda m: m.proxied_url), **offline("you", "proxy")),
    Fault("no-list-named", without_points, **offline("CA")),
]

# ---- DANE: TLSA records prove the server, whoever issued its certificate


def tlsa(usage, place):
    """A record of the key of the certificate at this place of what is shown, leaf first."""
    def record(shown):
        key = shown.certificates[place].public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"{usage} 1 1 {hashlib.sha256(key).hexdigest()}"
    return record


def of_nobody(m, fault):
    return chains.Ca("Nobody's Root").issue(fault.host)


def of_nobodys_ca(m, fault):
    return chains.Ca("Nobody's CA", chains.Ca("Nobody's Root")).issue(fault.host)


FORGED_TLSA = ("3 1 1 " + "ab" * 32, "3 1 1 " + "cd" * 32)  # signed, and then published


def dane(name, to, shows=of_nobody, top="signed", **more):
    return Fault(name, shows, to, rule='match = "dane"\n', receive="off", top=top, **more)


DANE = [
    dane("dane-key", PROVEN, tlsa=tlsa(3, 0)),
    dane("dane-ca", PROVEN, of_nobodys_ca, tlsa=tlsa(2, 1)),
    dane("dane-mismatch", Finding("identity", "SubjectMismatch", "partner",
                                  ("no TLSA record", "3 1 1 would be")),
         tlsa=lambda shown: "3 1 1 " + "00" * 32),
    dane("dane-usage-1", Finding("identity", "SubjectMismatch", "partner",
                                 ("none of the TLSA records can be used",)), tlsa=tlsa(1, 0)),
    dane("dane-no-record", Finding("identity", "DaneRequired", "partner", ("there are no TLSA records",))),
    dane("dane-unsigned", Finding("identity", "DaneRequired", "partner",
                                  ("DNSSEC did not validate the MX",)),
         top="example", tlsa=tlsa(3, 0)),
    dane("dane-bogus", Finding("identity", "DnssecInvalid", "partner", ("failed validation",),
                               "unknown"),
         tlsa=lambda shown: FORGED_TLSA[0]),
]

# ---- before the handshake, and the handshake itself

UNTOUCHED = {"is_counted": False}


def way(name, step, reason="NoTls", words=(), finding=None, **more):
    return Fault(name, good, to=Finding(step, reason, "partner", words, **(finding or {})), **more)


def answers(verb, reply, **more):
    return {"manners": {"replies": {verb: reply}} | more}


DNS_DOWN = {"is_counted": False, "state": "unknown"}
DEAD = {"is_up": False, "finding": UNTOUCHED}

WAY = [
    way("no-starttls", "starttls", manners={"certificate": None, "key": None}),
    way("stripped", "starttls", words=("XXXXXXXA",),
        **answers("EHLO", "250-peer\n250-XXXXXXXA\n250 SIZE 0")),
    way("asterisks", "starttls", words=("***",),
        **answers("EHLO", "250-peer\n250 SIZE 0", greeting="220 " + "*" * 60)),
    way("ehlo-unknown", "starttls", words=("502",), **answers("EHLO", "502 5.5.1 unimplemented")),
    way("starttls-454", "starttls", words=("454",), **answers("STARTTLS", "454 4.7.0 no TLS")),
    way("starttls-502", "starttls", words=("502",), **answers("STARTTLS", "502 5.5.1 unknown")),
    way("plaintext-behind", "handshake", words=("plaintext",),
        manners={"behind_starttls": "250 injected"}),
    way("tls-1-1", "handshake", words=("version",),
        manners={"newest": ssl.TLSVersion.TLSv1_1, "is_lax": True}),
    way("not-tls", "handshake", manners={"breaks_handshake": True}),
    way("reset", "handshake", words=("reset",), manners={"resets_handshake": True}),
    way("greeting-554", "starttls", "", ("554",), UNTOUCHED,
        manners={"greeting": "554 5.7.1 go away"}),
    way("greeting-421", "starttls", "", ("421",), UNTOUCHED,
        manners={"greeting": "421 4.3.2 busy"}),
    way("not-asked", "own-certificate", "NoClientCertificate", ("did not ask",),
        manners={"client_ca": None}),
    way("ours-refused", "own-certificate", "NoClientCertificate", ("refused our certificate",),
        manners={"client_ca": "other", "client_required": True}),
    way("ours-refused-tls12", "own-certificate", "NoClientCertificate",
        ("refused our certificate",),
        manners={"client_ca": "other", "client_required": True,
                 "newest": ssl.TLSVersion.TLSv1_2}),
    way("refused", "tcp", "", ("refused",), **DEAD),
    way("no-such-domain", "dns", "", ("no such domain",), zone="", **DEAD),
    way("no-address", "dns", "", ("address",), zone="{name} MX 10 mail.{name}\n", **DEAD),
    way("null-mx", "dns", "", ("null MX",), zone="{name} MX 0 .\n", **DEAD),
    way("bogus", "dns", "", ("validation",), DNS_DOWN, top="signed"),
]

FAULTS = [*DATES, *NAMES, *CHAINS, *USAGE, *REVOCATION, *DANE, *WAY]
