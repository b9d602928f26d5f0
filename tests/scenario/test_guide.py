"""The commands that docs/guide/ shows do what the pages say."""

import os
from pathlib import Path

import pytest
from support import guide, world

PAGES = sorted((world.ROOT / "docs" / "guide").glob("*.md"))
STEPS = {page.name: guide.steps_of(page) for page in PAGES}


@pytest.fixture
def shell(lab, home, tmp_path):
    """A shell in a directory of its own, which is its HOME too, with the variables that
    docs/guide/README.md lists. `$VALIJA_HOME` is ready to serve."""
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    home.show(lab.contoso.hostname, lab.contoso.certificate, lab.contoso.key)
    programs, directory = tmp_path / "bin", tmp_path / "user"
    programs.mkdir()
    directory.mkdir()
    (programs / "valija").symlink_to(world.PROGRAM)
    partner = lab.woodgrove
    started = guide.Shell(directory, {
        "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(directory),
        "VALIJA_HOME": str(home.path), "ADDRESS": home.address, "PORT": str(home.port),
        "SMTP_PORT": str(lab.smtp_port), "DNS": lab.fields["dns"],
        "LMTP": lab.contoso.lmtp, "OUR_CERTIFICATE": lab.contoso.certificate,
        "OUR_KEY": lab.contoso.key, "PARTNER_CA": partner.ca_certificate,
        "PARTNER_CRL": partner.crl_url, "PARTNER_CERTIFICATE": partner.certificate,
        "PARTNER_KEY": partner.key, "OTHER_CA": lab.contoso.ca_certificate})
    yield started
    started.close()


@pytest.mark.parametrize("page", [name for name, steps in STEPS.items() if steps])
def test_a_page_does_what_it_says(shell, page):
    """EX-07, EX-11, EX-82: the order of the set-up, the pilot, the failed sessions."""
    for step in STEPS[page]:
        status, printed = shell.run(step.command)
        said = "\n".join(printed)
        at = f"docs/guide/{page}:{step.line}: {step.command}"
        assert status is not None, f"{at}\ndid not end; so far it printed:\n{said}"
        assert status == 0, f"{at}\nended with {status}:\n{said}"
        if step.shown:
            shown = "\n".join(step.shown)
            assert guide.fits(step.shown, printed), f"{at}\nshown:\n{shown}\nprinted:\n{said}"


def test_every_page_is_in_the_index():
    index = (world.ROOT / "docs" / "guide" / "README.md").read_text()
    pages = [page.name for page in PAGES if page.name != "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def test_links_between_the_documents_lead_somewhere():
    documents = [*world.ROOT.glob("*.md"), *(world.ROOT / "docs").rglob("*.md")]
    broken = [f"{document.relative_to(world.ROOT)}: {link}" for document in documents
              for link in guide.links_of(document) if not Path(document.parent, link).exists()]
    assert broken == []


@pytest.mark.parametrize("shown, printed, wanted", [
    ("one", "one", True), ("one", "two", False), ("one", "one\ntwo", False),
    ("o…e", "one", True), ("…", "", True), ("…", "a\nb", True), ("…\nb", "a\nb", True),
    ("a\n…\nd", "a\nb\nc\nd", True), ("a\n…\nd", "a\nb\nc", False), ("a.c", "abc", False),
])
def test_what_a_page_shows_is_compared_by_line(shown, printed, wanted):
    assert guide.fits(shown.splitlines(), printed.splitlines()) is wanted
