"""`valija partner pin`: a look-up of MX hosts kept for good (CI-09, CI-10, CI-11), with real DNSSEC."""

import pytest
from support import world
from support.names import Names

ZONE = "@ MX 10 mx1\n@ MX 20 mx2.hoster.example.\nmx1 A 192.0.2.1\nmx1 AAAA 2001:db8::1\n"
HOSTER = "mx2 A 192.0.2.2\n"


@pytest.fixture
def name_server(tmp_path):
    started = []

    def start(signed=(), forged=()):
        folder = tmp_path / "names"
        folder.mkdir()
        started.append(Names(folder, "127.0.0.1",
                             {"partner.example": ZONE, "hoster.example": HOSTER},
                             signed=signed, forged=forged))
        return started[-1]

    yield start
    for names in started:
        names.close()


class Place:
    """A home with one partner; no server runs on it."""

    def __init__(self, path, names, partner):
        self.path = path
        (path / "etc/partners.d").mkdir(parents=True)
        anchor = f'trust_anchor = "{names.anchor}"\n' if names.anchor.exists() else ""
        (path / "etc/valija.toml").write_text(
            'hostname = "mail.contoso.com"\naccepted_domains = ["contoso.com"]\n'
            f'[dns]\nforward = "{names.forward}"\ndeadline = "5s"\n{anchor}')
        self.file = path / "etc/partners.d/partner.toml"
        self.file.write_text(partner)

    def valija(self, *words):
        return world.valija(*words, home=self.path)


PARTNER = '# agreed by telephone\ndomains = ["partner.example"]\nnames = ["by-hand.example"]\n'


def test_hosts_and_addresses_are_written_and_the_signature_is_shown(name_server, tmp_path):
    """CI-09, CI-10: names for good, from one look-up that DNSSEC validated."""
    names = name_server(signed=("partner.example", "hoster.example"))
    place = Place(tmp_path / "home", names, PARTNER)
    pinned = place.valija("partner", "pin", "partner")
    assert pinned.status == 0, pinned
    assert "not signed" not in pinned.out + pinned.err, pinned
    text = place.file.read_text()
    assert text.startswith("# agreed by telephone\n"), "comments stay"
    shown = place.valija("partner", "show", "partner", "--json").json["settings"]
    assert shown["names"]["value"] == ["by-hand.example", "mx1.partner.example",
                                       "mx2.hoster.example"]
    assert shown["mx_known"]["value"] == ["mx1.partner.example 2001:db8::1 192.0.2.1",
                                          "mx2.hoster.example 192.0.2.2"]


def test_what_was_not_signed_is_written_with_a_warning(name_server, tmp_path):
    """CI-10: without DNSSEC the look-up is only as good as the network at that moment."""
    names = name_server(signed=("partner.example",))
    place = Place(tmp_path / "home", names, PARTNER)
    pinned = place.valija("partner", "pin", "partner")
    assert pinned.status == 0, pinned
    lines = {line.split()[1]: line for line in pinned.out.splitlines() if "example" in line
             and not line.startswith("etc/")}
    assert lines["mx1.partner.example"].rstrip().endswith(" signed"), pinned.out
    assert "not signed" not in lines["mx1.partner.example"], pinned.out
    assert lines["mx2.hoster.example"].rstrip().endswith("not signed"), pinned.out
    assert "by telephone" in pinned.err


def test_a_forged_answer_is_refused_and_nothing_is_written(name_server, tmp_path):
    """A record changed after signing is bogus: never data."""
    names = name_server(signed=("partner.example", "hoster.example"),
                        forged=[("partner.example", "192.0.2.1", "203.0.113.7")])
    place = Place(tmp_path / "home", names, PARTNER)
    pinned = place.valija("partner", "pin", "partner")
    assert pinned.status == 2, pinned
    assert "validation" in pinned.err, pinned
    assert place.file.read_text() == PARTNER


def test_a_second_pinning_forgets_hosts_that_are_gone(name_server, tmp_path):
    """CI-11: names set by hand stay, those of an earlier look-up go."""
    names = name_server()
    place = Place(tmp_path / "home", names,
                  'domains = ["partner.example"]\nnames = ["by-hand.example", "old.example"]\n'
                  'mx_known = ["old.example 192.0.2.99"]\n')
    assert place.valija("partner", "pin", "partner").status == 0
    text = place.file.read_text()
    assert "old.example" not in text
    assert "by-hand.example" in text


def test_of_one_domain_the_others_are_kept(name_server, tmp_path):
    names = name_server()
    place = Place(tmp_path / "home", names,
                  'domains = ["partner.example", "other.example"]\nnames = ["old.example"]\n'
                  'mx_known = ["old.example 192.0.2.99"]\n')
    pinned = place.valija("partner", "pin", "partner", "--domain", "Partner.example")
    assert pinned.status == 0, pinned
    text = place.file.read_text()
    assert '"old.example 192.0.2.99"' in text
    assert '"mx1.partner.example 2001:db8::1 192.0.2.1"' in text
    assert place.valija("partner", "pin", "partner", "--domain", "stranger.example").status == 1


def test_the_only_domain_is_all_of_them(name_server, tmp_path):
    """CI-11: also by name: hosts that are gone are forgotten."""
    names = name_server()
    place = Place(tmp_path / "home", names,
                  'domains = ["partner.example"]\nnames = ["by-hand.example", "old.example"]\n'
                  'mx_known = ["old.example 192.0.2.99"]\n')
    pinned = place.valija("partner", "pin", "partner", "--domain", "partner.example")
    assert pinned.status == 0, pinned
    text = place.file.read_text()
    assert "old.example" not in text
    assert "by-hand.example" in text


def test_a_look_up_that_fails_writes_nothing(name_server, tmp_path):
    names = name_server()
    place = Place(tmp_path / "home", names, 'domains = ["nowhere.invalid"]\n')
    before = place.file.read_text()
    pinned = place.valija("partner", "pin", "partner")
    assert pinned.status == 2, pinned
    assert "nothing is written" in pinned.err
    assert place.file.read_text() == before
    assert place.valija("partner", "pin", "nobody").status == 1
