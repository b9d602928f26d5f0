"""NIST's Public Key Interoperability Test Suite, 4.1 to 4.16, through `valija certificate verify`.

The certificates and lists are those of Debian's python3-cryptography-vectors. What each test
expects is in its name (Valid…, Invalid…), or, for policies, in EXPECTED, by the suite's document
with its default settings: any policy will do, and none is demanded at the start.
Where we decide otherwise on purpose, DIFFERENT says why. An invalid path is never accepted.
EX-20, EX-24, EX-26, EX-27.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.world import PROGRAM

DATA = Path("/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data")

EXPECTED = {
    "AllCertificatesNoPoliciesTest2": True,
    "AllCertificatesSamePoliciesTest10": True,
    "AllCertificatesSamePoliciesTest13": True,
    "AllCertificatesanyPolicyTest11": True,
    "AnyPolicyTest14": True,
    "CPSPointerQualifierTest20": True,
    "DifferentPoliciesTest3": True,
    "DifferentPoliciesTest4": False,
    "DifferentPoliciesTest5": False,
    "DifferentPoliciesTest7": False,
    "DifferentPoliciesTest8": False,
    "DifferentPoliciesTest9": False,
    "DifferentPoliciesTest12": False,
    "OverlappingPoliciesTest6": True,
    "UserNoticeQualifierTest15": True,
    "UserNoticeQualifierTest16": True,
    "UserNoticeQualifierTest17": True,
    "UserNoticeQualifierTest18": True,
    "UserNoticeQualifierTest19": True,
    "inhibitAnyPolicyTest3": True,
}

DSA = "keys and signatures of DSA are refused"
INDIRECT = "indirect lists are refused"
DIFFERENT = {
    "ValidDSASignaturesTest4": DSA,
    "ValidDSAParameterInheritanceTest5": DSA,
    "ValidIDPwithindirectCRLTest22": INDIRECT,
    "ValidIDPwithindirectCRLTest24": INDIRECT,
    "ValidIDPwithindirectCRLTest25": INDIRECT,
    "ValidcRLIssuerTest28": INDIRECT,
    "ValidcRLIssuerTest29": INDIRECT,
    "ValidcRLIssuerTest30": INDIRECT,
    "ValidcRLIssuerTest33": INDIRECT,
}


def element(der, at=0):
    """Tag, content and end of the DER element at `at`."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start:start + count], "big"), start + count
    return der[at], der[start:start + length], start + length


def elements(der):
    at, found = 0, []
    while at < len(der):
        tag, content, end = element(der, at)
        found.append((tag, content, der[at:end]))
        at = end
    return found


def plain(name):
    """A name as RFC 5280 7.1 compares it: without case, blanks in one."""
    return tuple(b" ".join(elements(one[1])[1][1].lower().split())
                 for rdn in elements(name) for one in elements(rdn[1]))


def names_of(der):
    """Issuer and subject of a certificate, or issuer and "" of a list."""
    fields = elements(elements(element(der)[1])[0][1])
    is_certificate = fields[0][0] == 0xA0
    if not is_certificate:
        return plain(fields[2][1]), ""
    return plain(fields[3][1]), plain(fields[5][1])


@pytest.fixture(scope="module")
def authorities():
    files = [path for path in DATA.glob("certs/*.crt") if not path.name.endswith("EE.crt")]
    return [(path, *names_of(path.read_bytes())) for path in sorted(files)]


@pytest.fixture(scope="module")
def lists():
    return [(path, names_of(path.read_bytes())[0]) for path in sorted(DATA.glob("crls/*.crl"))]


def judged(leaf, authorities, lists):
    """The exit status, with all that could belong to the path and its lists."""
    wanted, known, reached = [names_of(leaf.read_bytes())[0]], set(), []
    while wanted:
        name = wanted.pop()
        if name in known:
            continue
        known.add(name)
        for path, issuer, subject in authorities:
            if subject == name and path.name != "TrustAnchorRootCertificate.crt":
                reached.append(path)
                wanted.append(issuer)
    words = [str(PROGRAM), "certificate", "verify", str(leaf), "--trust",
             str(DATA / "certs/TrustAnchorRootCertificate.crt")]
    for path in reached:
        words += ["--untrusted", str(path)]
    for path, issuer in lists:
        if issuer in known or "indirect" in path.name:
            words += ["--crl", str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_every_path_is_judged_as_the_suite_says(authorities, lists):
    leaves = sorted(DATA.glob("certs/*EE.crt"))
    assert len(leaves) > 200
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda leaf: judged(leaf, authorities, lists), leaves))
    wrong, different = [], set()
    for leaf, result in zip(leaves, results):
        name = leaf.name[:-len("EE.crt")]
        expected = EXPECTED.get(name, name.startswith("Valid"))
        assert result.returncode in (0, 1), f"{name}: {result}"
        if (result.returncode == 0) == expected:
            continue
        if expected and name in DIFFERENT:
            different.add(name)
        else:
            wrong.append(f"{name}: {result.returncode}, expected {expected}\n{result.stdout}")
    assert not wrong, "\n".join(wrong)
    assert different == set(DIFFERENT), "no longer different: say so no more"
