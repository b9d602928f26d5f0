"""`valija` as an operator types it: answers, exit statuses, files."""

import os

import pytest
from support import authority, poll, server, smtp, world

PARTNER = """\
# Fabrikam: agreed with Eve on 2 November
domains = ["fabrikam.com"]   # not the sub-domains

contact = "postmaster@fabrikam.com"
receive = "monitor"          # until Christmas
trust   = ["fabrikam-root"]
"""


@pytest.fixture
def anchored(home, tmp_path):
    """A home that has the anchor fabrikam-root."""
    root = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    home.write("etc/anchors/fabrikam-root.pem", root.pem())
    return home


@pytest.fixture
def with_partner(anchored):
    anchored.write("etc/partners.d/fabrikam.toml", PARTNER)
    return anchored


def names(home):
    listed = home.valija("partner", "list", "--json")
    assert listed.status == 0, listed
    return sorted(partner["name"] for partner in listed.json)


def test_a_partner_is_added_shown_and_removed(anchored):
    """EX-60, EX-70: one partner, one file, both directions."""
    added = anchored.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com",
                            "--send", "enforce", "--receive", "enforce", "--trust", "fabrikam-root",
                            "--crl", "http://127.0.0.1:9/fabrikam.crl")
    assert added.status == 0, added
    assert names(anchored) == ["fabrikam"]
    shown = anchored.valija("partner", "show", "fabrikam")
    assert shown.status == 0
    for word in ("fabrikam.com", "enforce", "fabrikam-root"):
        assert word in shown.out
    assert anchored.valija("config", "check").status == 0
    removed = anchored.valija("partner", "remove", "fabrikam")
    assert removed.status == 0, removed
    assert names(anchored) == []
    assert anchored.valija("partner", "show", "fabrikam").status == 1


def test_adding_never_replaces(with_partner):
    """EX-61: a list is never replaced by accident."""
    again = with_partner.valija("partner", "add", "fabrikam", "--domain", "example.org")
    assert again.status == 1
    assert "fabrikam" in again.err
    assert with_partner.read("etc/partners.d/fabrikam.toml") == PARTNER


def test_an_edit_keeps_what_was_written_by_hand(with_partner):
    """Decision 7: comments, order and blanks of what was not changed stay byte for byte."""
    done = with_partner.valija("partner", "set", "fabrikam", "receive=enforce")
    assert done.status == 0, done
    expected = PARTNER.replace('receive = "monitor" ', 'receive = "enforce" ')
    assert with_partner.read("etc/partners.d/fabrikam.toml") == expected


@pytest.mark.parametrize("assignment", ["receive=sometimes", "recieve=enforce",
                                        "trust=nobody-knows", "domains=not_a_domain",
                                        "revocation_grace=soon"])
def test_a_bad_edit_changes_nothing(with_partner, assignment):
    """Decision 7: the whole is validated before anything is written."""
    done = with_partner.valija("partner", "set", "fabrikam", assignment)
    assert done.status in (64, 78), done
    assert done.err.strip()
    assert with_partner.read("etc/partners.d/fabrikam.toml") == PARTNER


def test_one_domain_belongs_to_one_partner(with_partner):
    done = with_partner.valija("partner", "add", "other", "--domain", "fabrikam.com")
    assert done.status != 0
    assert "fabrikam.com" in done.err
    assert names(with_partner) == ["fabrikam"]


def test_a_bad_key_is_named_with_its_place_and_the_nearest(with_partner):
    """A typing error costs seconds."""
    with_partner.write("etc/partners.d/fabrikam.toml", PARTNER.replace("receive", "recieve"))
    done = with_partner.valija("config", "check")
    said = done.out + done.err
    assert done.status == 78, done
    assert "etc/partners.d/fabrikam.toml:5" in said
    assert 'unknown key "recieve"; did you mean "receive"?' in said


def test_every_problem_is_named_at_once(home):
    home.write("etc/partners.d/a.toml", 'domains = ["a.example"]\nsend = "perhaps"\n')
    home.write("etc/partners.d/b.toml", "domains = [\n")
    done = home.valija("config", "check")
    said = done.out + done.err
    assert done.status == 78, done
    assert "etc/partners.d/a.toml:2" in said
    assert "etc/partners.d/b.toml:" in said


def test_the_settings_in_force_say_where_they_come_from(home):
    done = home.valija("config", "show")
    assert done.status == 0, done
    assert "mail.contoso.com" in done.out
    assert "etc/valija.toml:" in done.out


def test_serve_refuses_a_bad_configuration(home):
    home.write("etc/valija.toml", "hostname = 7\n")
    done = home.valija("serve", deadline=30)
    assert done.status == 78, done
    assert "etc/valija.toml:1" in done.err


@pytest.mark.parametrize("words", [("queue", "list"), ("counters",), ("crl", "list"), ("reload",)])
def test_without_a_server_the_commands_say_so(home, words):
    done = home.valija(*words)
    assert done.status == 69, done
    assert done.err.strip()


def test_a_home_is_needed(program):
    done = world.valija("partner", "list")
    assert done.status == 64
    assert "--home" in done.err


def test_the_home_may_come_from_the_environment_or_stand_first(with_partner):
    done = world.valija("partner", "list", environment={"VALIJA_HOME": str(with_partner.path)})
    assert done.status == 0 and "fabrikam" in done.out
    done = world.valija("--home", with_partner.path, "partner", "list")
    assert done.status == 0 and "fabrikam" in done.out


@pytest.mark.parametrize("words, nearest", [
    (("partnr", "list"), "partner"), (("queue", "lst"), "list"), (("serv",), "serve"),
])
def test_an_unknown_command_suggests_the_nearest(home, words, nearest):
    done = home.valija(*words)
    assert done.status == 64, done
    assert nearest in done.err


def test_help_names_every_noun(program):
    done = world.valija("--help")
    assert done.status == 0
    for noun in ("serve", "lab", "partner", "config", "queue", "counters", "crl", "reload",
                 "version"):
        assert noun in done.out
    assert world.valija("version").status == 0
    assert "--domain" in world.valija("partner", "add", "--help").out


def test_a_running_server_takes_a_new_partner_without_restart(anchored, serve):
    """Decision 9: everything reloads; sessions go on."""
    running = serve()
    session = running.client()
    assert session.mail("eve@fabrikam.com").code == 250
    assert session.say("RSET").code == 250
    added = anchored.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com",
                            "--receive", "enforce", "--trust", "fabrikam-root")
    assert added.status == 0, added
    poll.until("the partner's rule is in force",
               lambda: running.client().mail("eve@fabrikam.com").code == 454)
    assert session.say("NOOP").code == 250


def test_a_bad_set_is_refused_and_the_old_one_stays(with_partner, serve):
    """Decision 7, through the control socket."""
    running = serve()
    good = with_partner.read("etc/valija.toml")
    with_partner.write("etc/valija.toml", good + "nonsense = 1\n")
    refused = with_partner.valija("reload")
    assert refused.status == 78, refused
    assert "nonsense" in refused.out + refused.err
    assert running.client().mail("eve@example.org").code == 250
    with_partner.write("etc/valija.toml", good)
    assert with_partner.valija("reload").status == 0
    assert running.end() == 0


def test_the_port_of_a_connector_that_is_gone_takes_nothing(home, serve):
    """Its sessions must not run under another connector's rules until the next restart."""
    running = serve()
    text = home.read("etc/connectors.d/Inet.toml")
    (home.path / "etc/connectors.d/Inet.toml").unlink()
    home.write("etc/connectors.d/Other.toml",
               text.replace(str(home.port), str(server.free_port(home.address)))
               + 'relay_from = ["127.0.0.0/8"]\n')
    assert home.valija("reload").status == 0
    client = smtp.Client(home.address, home.port)
    assert client.greeting.code == 421, client.greeting
    assert running.end() == 0


def test_the_control_socket_is_not_for_everybody(home, serve):
    running = serve()
    mode = os.stat(home.path / "run" / "control.sock").st_mode & 0o777
    assert mode & 0o007 == 0, oct(mode)
    assert running.end() == 0


def test_an_empty_queue_says_so(home, serve):
    running = serve()
    assert home.valija("queue", "list").out == "The queue is empty.\n"
    assert home.valija("queue", "list", "--json").json["messages"] == []
    assert home.valija("queue", "show", "nothing").status == 1
    assert home.valija("queue", "retry").status == 64
    assert home.valija("queue", "retry", "--all").status == 0
    assert running.end() == 0


def test_every_counter_is_there_from_the_start(with_partner, serve):
    """EX-80..82: series exist at 0 before anything happened."""
    running = serve()
    samples = with_partner.valija("counters", "--json").json
    for name in ("valija_domain_secure_messages_received_total",
                 "valija_domain_secure_messages_sent_total",
                 "valija_domain_secure_outbound_session_failures_total"):
        series = [sample for sample in samples if sample["name"] == name]
        assert any(sample["labels"].get("partner") == "fabrikam" for sample in series), name
        assert all(sample["value"] == 0 for sample in series)
    assert running.end() == 0


def test_connectors_are_listed_shown_and_checked(home):
    """EH-04, EX-65: name, certificate and routing of each, without a server; exit status 1 where
    one cannot do its work, with what to do."""
    def states(*words):
        done = home.valija("connector", "check", *words, "--json")
        return done.status, {(one["connector"], one["what"]): one for one in done.json}

    listed = home.valija("connector", "list", "--json").json
    assert [(one["name"], one["kind"], one["fqdn"]) for one in listed] == [
        ("Inet", "receive", "mail.contoso.com"), ("Internet", "send", "mail.contoso.com")]
    status, found = states()
    assert status == 1 and found["Inet", "certificate"]["state"] == "FAIL"
    assert found["Inet", "certificate"]["fix"].startswith("valija certificate request")
    assert home.valija("certificate", "new", "--domain", "mail.contoso.com").status == 0
    status, found = states()
    assert status == 0 and found["Internet", "certificate"]["state"] == "warn"
    assert "self-signed" in found["Internet", "certificate"]["evidence"]
    assert found["Internet", "routing"]["evidence"] == "by the DNS (MX)"
    home.append("etc/connectors.d/Inet.toml", 'fqdn = "other.contoso.com"\n')
    status, found = states("Inet")
    assert status == 1 and ("Internet", "fqdn") not in found
    assert found["Inet", "certificate"]["evidence"] == "none fits other.contoso.com"
    shown = home.valija("connector", "show", "Inet", "--json").json
    assert {"key": "fqdn", "value": "other.contoso.com"}.items() <= next(
        one for one in shown if one["key"] == "fqdn").items()
    nobody = home.valija("connector", "check", "Inett")
    assert nobody.status == 64 and "there are: Inet, Internet" in nobody.err


def test_what_a_configuration_hardly_means_is_told_by_every_command(home):
    """`config check` and `serve` agree on what is refused; the rest is a warning, wherever it is
    looked at."""
    home.write("keys/foo.crt", "garbage")
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["0.0.0.0/0"]\n')
    added = home.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com", "--send",
                        "enforce")
    assert added.status == 0 and "without `trust`" in added.err, added
    checked = home.valija("config", "check")
    assert checked.status == 0, checked
    for words in ("warning: keys/foo.crt: ", "an open relay; name your own hosts",
                  "warning: etc/partners.d/fabrikam.toml: partner fabrikam is enforced without"):
        assert words in checked.out, checked
    assert "./foo" not in checked.out
    anchor = home.path / "anchor"
    home.write("etc/valija.toml", home.read("etc/valija.toml").replace(
        "[dns]\n", f'[dns]\ntrust_anchor = "{anchor}"\n'))
    for content, words in ((None, "no such file"), ("junk\n", "no DS or DNSKEY record")):
        if content:
            anchor.write_text(content)
        checked = home.valija("config", "check")
        assert checked.status == 78 and words in checked.out, checked
        refused = home.valija("serve")
        assert refused.status == 71 and words in refused.err, refused
