"""`valija check`: the live path to a partner in both directions, told step by step."""

import subprocess

import pytest
from support import authority, chains, peer, poll, web

DOMAIN = "fabrikam.com"


@pytest.fixture
def stand(lab):
    """Starts a server at one of Fabrikam's addresses: 66 is its mail server, 67 and 68 the two
    mail exchangers of two.fabrikam.com."""
    started = []

    def start(last, **manners):
        started.append(peer.Peer(lab.outsider_address(last), lab.smtp_port,
                                 peer.Manners(**manners)))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def fabrikam_ca(home, tmp_path):
    ca = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    home.write("etc/anchors/fabrikam-root.pem", ca.pem())
    return ca


@pytest.fixture
def ours(home, tmp_path):
    """Our certificate, of a CA that is Fabrikam's anchor for us; gives the CA's file."""
    folder = tmp_path / "ours"
    folder.mkdir()
    own = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/own.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com")[:2])
    path = folder / "ca.pem"
    path.write_text(own.pem())
    return str(path)


@pytest.fixture
def partner(home, serve, fabrikam_ca, ours):
    """Our server with Fabrikam as enforced partner; `check(*words)` runs the command there."""

    def add(*words, domain=DOMAIN, send="enforce"):
        added = home.valija("partner", "add", "fabrikam", "--domain", domain, "--trust",
                            "fabrikam-root", "--send", send, "--receive", "enforce",
                            "--revocation", "off", *words)
        assert added.status == 0, added
        serve()
        return lambda *more: home.valija("check", "fabrikam", *more, deadline=120)

    return add


def outbound(done):
    assert done.status in (0, 1, 2), done
    return done.json["domains"][0]["outbound"]


def first_failure(steps):
    return next(step for step in steps if step["state"] in ("fail", "unknown"))


def assert_nothing_counted(home):
    samples = home.valija("counters", "--json").json
    counted = [sample for sample in samples if "domain_secure" in sample["name"]]
    assert counted and all(sample["value"] == 0 for sample in counted), samples
    log = (home.path / "log/valija.log").read_text()
    for event in ("delivery.path-failed", "would-have-refused", "tls.handshake-failed"):
        assert event not in log


def good_peer(stand, ca, ours, last=66, **more):
    certificate, key, _ = ca.issue("mail.fabrikam.com", more=["two.fabrikam.com"])
    return stand(last, certificate=certificate, key=key, client_ca=ours, **more)


def test_a_good_path_is_proven_in_both_directions(lab, contoso):
    """Issue 4 "Explain", CI-40, CI-42: a real partner; every step has passed and the facts of the
    certificate are shown."""
    done = contoso.valija("check", "woodgrovebank", "--json", deadline=120)
    assert done.status == 0, done
    out = outbound(done)
    assert out["standing"] == "proven" and out["mode"] == "enforce"
    assert "etc/partners.d/woodgrovebank.toml:" in out["policy"]
    one = out["addresses"][0]
    assert one["offers"] and one["tls"]["protocol"] == "TLSv1.3"
    assert one["tls"]["our_certificate_requested"] and one["tls"]["our_certificate_shown"]
    assert any("woodgrovebank.com" in name for name in one["tls"]["chain"][0]["dns_names"])
    assert any(row["matches"] for row in one["names"])
    states = {step["step"]: step["state"] for step in one["ladder"]}
    assert all(states[step] == "pass" for step in
               ("policy", "dns", "tcp", "starttls", "handshake", "chain", "dates", "revocation",
                "usage", "identity", "verdict")), states
    inbound = done.json["domains"][0]["inbound"]
    assert inbound["reply"].startswith("250"), inbound
    assert "presumed" in inbound["client"]

    text = contoso.valija("check", "woodgrovebank", "--all", deadline=120)
    assert text.status == 0
    for words in ("mail to woodgrovebank.com: good", "flows over a proven path", "greeting",
                  "mail from woodgrovebank.com: good", "requests the client's certificate"):
        assert words in text.out, text.out


def test_nothing_is_counted_and_no_message_is_begun(home, stand, fabrikam_ca, ours, partner):
    """A check is a session without a message, and no failure of the partner's in our figures."""
    server = good_peer(stand, fabrikam_ca, ours)
    check = partner()
    assert outbound(check("--json"))["standing"] == "proven"
    said = [line.split(" ")[0].upper() for line in server.heard[-1].commands]
    assert said == ["EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert server.heard[-1].client_certificate is not None
    assert_nothing_counted(home)


@pytest.mark.parametrize("send", ["enforce", "monitor"])
@pytest.mark.parametrize("way", ["wrong name", "broken handshake"])
def test_an_unproven_path_is_not_counted_either(home, stand, fabrikam_ca, ours, partner, way, send):
    """A delivery would count these and tell them; a check does neither, whatever the mode."""
    name = "mail.other.example" if way == "wrong name" else "mail.fabrikam.com"
    certificate, key, _ = fabrikam_ca.issue(name)
    server = stand(66, certificate=certificate, key=key, client_ca=ours,
                   breaks_handshake=way == "broken handshake")
    out = outbound(partner(send=send)("--json"))
    assert out["mode"] == send and out["standing"] == "not proven"
    assert first_failure(out["ladder"])["step"] == (
        "identity" if way == "wrong name" else "handshake")
    assert not any(session.said("MAIL") for session in server.heard)
    assert_nothing_counted(home)


def test_of_a_monitor_partner_mail_flows_all_the_same(stand, fabrikam_ca, ours, partner):
    """The path is not proven, and what becomes of mail is told apart from that."""
    certificate, key, _ = fabrikam_ca.issue("mail.other.example")
    stand(66, certificate=certificate, key=key, client_ca=ours)
    done = partner(send="monitor")("--json")
    assert done.status == 1, done
    out = outbound(done)
    assert "flows all the same (monitor)" in out["effect"], out
    assert out["policy"].endswith("send = monitor")


@pytest.mark.parametrize("offers, greeting, words", [
    ("250-peer\n250-XXXXXXXA\n250 SIZE 0", "220 peer ESMTP", "altered on the way"),
    ("250-peer\n250 SIZE 0", "220 **************************0****", "removed on the way"),
    ("500 Command unrecognized: XXXX", "220 peer", "EHLO was refused"),
    ("250-peer\n250 SIZE 0", "220 peer ESMTP", "does not offer STARTTLS (it offers: SIZE 0)"),
])
def test_a_stripped_or_altered_starttls_is_told_from_a_missing_one(
        stand, partner, offers, greeting, words):
    """EX-08: each way of losing STARTTLS has its own evidence and fix."""
    stand(66, greeting=greeting, replies={"EHLO": offers})
    done = partner()("--json")
    assert done.status == 1
    out = outbound(done)
    failure = first_failure(out["ladder"])
    assert failure["step"] == "starttls" and failure["reason"] == "NoTls"
    assert words in failure["evidence"]
    assert failure["fix"] and failure["who"]
    assert out["reply"].startswith("451 5.7.3")
    assert "waits in the queue" in out["effect"]


def test_a_starttls_that_is_refused_after_the_offer_is_told_so(stand, fabrikam_ca, ours, partner):
    """EX-08: the reply is the evidence."""
    good_peer(stand, fabrikam_ca, ours, replies={"STARTTLS": "454 4.7.0 TLS not available"})
    failure = first_failure(outbound(partner()("--json"))["ladder"])
    assert failure["step"] == "starttls"
    assert "454 4.7.0 TLS not available" in failure["evidence"]


def test_a_name_that_does_not_match_comes_with_the_table(stand, fabrikam_ca, ours, partner):
    """Identity as a table of reference and presented names, with the nearest miss."""
    certificate, key, _ = fabrikam_ca.issue("a.b.fabrikam.com")
    stand(66, certificate=certificate, key=key, client_ca=ours)
    check = partner()
    done = check("--json")
    one = outbound(done)["addresses"][0]
    assert first_failure(one["ladder"])["step"] == "identity"
    assert one["names"] and not any(row["matches"] for row in one["names"])
    assert any("labels below" in row["result"] for row in one["names"])
    text = check()
    assert text.status == 1 and "a.b.fabrikam.com" in text.out and "compared" in text.out


def test_our_certificate_refused_after_the_handshake_is_the_last_step(
        stand, fabrikam_ca, ours, partner, tmp_path):
    """TLS 1.3 tells only at the next read whether our certificate was accepted."""
    certificate, key, _ = fabrikam_ca.issue("mail.fabrikam.com")
    folder = tmp_path / "other"
    folder.mkdir()
    other = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/o.crl")
    (folder / "ca.pem").write_text(other.pem())
    stand(66, certificate=certificate, key=key, client_ca=str(folder / "ca.pem"),
          client_required=True)
    failure = first_failure(outbound(partner()("--json"))["ladder"])
    assert failure["step"] == "own-certificate"
    assert "refused our certificate" in failure["evidence"]


def test_every_mail_exchanger_is_tried_and_the_bad_one_comes_first(
        stand, fabrikam_ca, ours, partner):
    """Every host and address; mail flows by the good one, the other is a finding."""
    good_peer(stand, fabrikam_ca, ours, last=67)
    stand(68)
    done = partner(domain="two.fabrikam.com")("--json")
    out = outbound(done)
    assert [one["good"] for one in out["addresses"]] == [False, True]
    assert "flows over a proven path" in out["effect"]
    assert done.status == 1


def test_a_server_that_is_down_is_the_step_tcp(partner):
    """TCP has its own step and fix, and the sender's mail waits."""
    done = partner()("--json")
    assert done.status == 1
    assert first_failure(outbound(done)["ladder"])["step"] == "tcp"


def test_the_answer_is_also_spanish_and_the_letter_is_ready(stand, partner):
    """Texts in English and Spanish; --text-for-partner."""
    stand(66)
    check = partner()
    done = check("--lang", "es")
    assert "correo para fabrikam.com: MAL" in done.out
    letter = check("--text-for-partner")
    assert letter.out.startswith("To: postmaster@fabrikam.com"), letter.out
    assert "STARTTLS" in letter.out


def test_the_letter_says_what_was_done(home, partner, fabrikam_ca):
    """A path that ends at DNS is no file that was judged; a file is."""
    check = partner(domain="nosuch.fabrikam.com")
    letter = " ".join(check("--text-for-partner").out.split())
    assert "we wanted to deliver mail for nosuch.fabrikam.com on " in letter, letter
    assert "as a file" not in letter
    letter = " ".join(check("--text-for-partner", "--lang", "es").out.split())
    assert "quisimos entregar correo para nosuch.fabrikam.com el " in letter, letter
    expired, _, _ = fabrikam_ca.issue("nosuch.fabrikam.com", end=-authority.DAY / 2)
    letter = home.valija("check", "--as-client", expired, "--domain", "nosuch.fabrikam.com",
                         "--text-for-partner").out
    assert "that we have as a file" in " ".join(letter.split()), letter
    assert "Certificate: CN=nosuch.fabrikam.com" in letter


def test_the_letter_goes_to_the_contact_of_the_partners_file(home, partner):
    """And names the partner's other domains that are not in order."""
    check = partner("--domain", "nosuch.fabrikam.com", "--contact", "pm@partner.example",
                    domain="nowhere.fabrikam.com")
    letter = check("--text-for-partner").out
    assert letter.startswith("To: pm@partner.example\n"), letter
    assert "Not in order either: nosuch.fabrikam.com (dns)" in letter
    assert check("--text-for-partner", "--json").status == 64


def test_what_nobody_asked_for_is_no_success(home, partner, fabrikam_ca):
    """An unset variable in a script, or a domain that is nobody's, must not look like a proof."""
    partner(send="off")
    done = home.valija("check", "")
    assert done.status == 64 and "PARTNER is empty" in done.err, done
    good = fabrikam_ca.issue("mail.fabrikam.com")[0]
    for domain, words in (("fabrikam", "fabrikam is a partner, not a domain; did you mean"),
                          ("fabrikan.com", "no partner has the domain fabrikan.com; did you mean"),
                          ("elsewhere.example", "no partner has the domain elsewhere.example")):
        done = home.valija("check", "--as-client", good, "--domain", domain)
        assert done.status == 64 and words in done.err, done
    done = home.valija("check", "--as-client", "", "--domain", DOMAIN)
    assert done.status == 64 and "the FILE of --as-client is empty" in done.err


def test_domains_after_the_tenth_are_told(home, partner):
    """What was not looked at is no success: it is named, and the exit status is not 0."""
    more = [f"d{i}.nullmx.invalid" for i in range(11)]
    check = partner(*[word for domain in more for word in ("--domain", domain)])
    done = check("--json")
    assert done.status == 1, done
    assert len(done.json["domains"]) == 10 and done.json["cut"]
    assert done.json["left_out"] == more[9:]
    assert "Not every domain was looked at" in check().out


def test_a_certificate_is_judged_as_a_clients(home, partner, fabrikam_ca, tmp_path):
    """--as-client: the same policy as at MAIL FROM, with its reply."""
    partner()
    good = fabrikam_ca.issue("mail.fabrikam.com")[0]
    done = home.valija("check", "--as-client", good, "--domain", DOMAIN, "--json")
    assert done.status == 0, done
    assert done.json["domains"][0]["inbound"]["reply"].startswith("250")
    bad = fabrikam_ca.issue("mail.fabrikam.com", end=-authority.DAY / 2)[0]
    done = home.valija("check", "--as-client", bad, "--domain", DOMAIN, "--json")
    assert done.status == 1
    inbound = done.json["domains"][0]["inbound"]
    assert inbound["reply"].startswith("454 4.7.5") and "DateInvalid" in inbound["reply"]
    assert first_failure(inbound["ladder"])["step"] == "dates"


def test_a_partner_is_proven_by_exactly_its_certificate(home, stand, ours, serve, tmp_path):
    """EX-05: self-signed, of another name, without a list; another one of the same key is not."""
    key = chains.new_key()
    known, other = (chains.Ca("gateway", key=key) for _ in range(2))
    shown = chains.Shown([known.certificate], key)
    certificate, private = shown.files(str(tmp_path))
    home.write("etc/anchors/gateway.pem", known.pem())
    words = ("partner", "add", "fabrikam", "--domain", DOMAIN, "--match", "direct")
    refused = home.valija(*words)
    assert refused.status == 78 and '"direct" needs "trust"' in refused.err, refused
    assert home.valija(*words, "--trust", "gateway", "--send", "enforce", "--receive",
                       "enforce").status == 0
    stand(66, certificate=certificate, key=private, client_ca=ours)
    serve()
    checked = home.valija("check", "fabrikam", "--json", deadline=120)
    assert outbound(checked)["standing"] == "proven", checked
    as_client = ("check", "--domain", DOMAIN, "--json", "--as-client")
    assert home.valija(*as_client, certificate).status == 0
    (tmp_path / "other.pem").write_text(other.pem())
    done = home.valija(*as_client, str(tmp_path / "other.pem"))
    failure = first_failure(done.json["domains"][0]["inbound"]["ladder"])
    assert done.status == 1 and failure["step"] == "identity", done
    assert "none of the certificates" in failure["evidence"]
    judged = ("certificate", "verify", "--profile", "direct", "--name", DOMAIN)
    assert home.valija(*judged, certificate, "--trust", certificate).status == 0
    assert home.valija(*judged, certificate, "--trust", str(tmp_path / "other.pem")).status == 1
    assert home.valija(*judged, certificate).status == 64


def test_this_server_is_looked_at_before_anything_goes_wrong(home, serve, ours, stand):
    """EH-03: ready or not, with the list of what is missing; EX-34, EX-35: our own CA's list."""
    serve()
    done = home.valija("check", "--json", deadline=120)
    states = {(one["area"], one["state"]) for one in done.json["findings"]}
    for area in ("disk", "clock", "anchors", "resolver"):
        assert (area, "pass") in states, done
    assert any(one["area"] == "our certificates" and "fetch the list of our CA" in one["evidence"]
               for one in done.json["findings"]), done
    assert done.status == 1 and done.json["ready"] is False, done
    text = home.valija("check", deadline=120)
    assert text.status == 1 and text.out.endswith("This server is not ready yet.\n"), text


def test_only_a_partners_own_anchors_are_told_as_expired(home, serve):
    """The system has some as well, which are nobody's here to renew."""
    old = chains.Ca("Old Root", start=-20 * authority.DAY, end=-authority.DAY)
    home.write("etc/anchors/fabrikam-root.pem", chains.Ca("Root").pem() + old.pem())
    for words in (("fabrikam", "--domain", DOMAIN, "--trust", "fabrikam-root"),
                  ("northwind", "--domain", "northwind.com")):
        assert home.valija("partner", "add", *words).status == 0
    serve()
    done = home.valija("check", deadline=100)
    assert "1 of the 2 anchors of partner fabrikam are expired" in done.out, done
    assert "anchors of partner northwind" not in done.out, done


def test_a_partners_own_certificate_is_looked_at_too(home, partner, ours):
    """EX-25: one that is missing is what its next delivery lacks."""
    partner("--certificate", "for-fabrikam", send="monitor")
    done = home.valija("check", "--json", deadline=120)
    assert any(one["state"] == "fail" and
               one["evidence"] == "partner fabrikam: no certificate fits for-fabrikam"
               for one in done.json["findings"]), done


def test_an_address_of_ours_is_a_loop_as_for_a_delivery(home, partner):
    """Nobody connects to himself: mail would come back."""
    home.write("etc/valija.toml", home.read("etc/valija.toml").replace(
        f"smtp_port = {home.lab.smtp_port}", f"smtp_port = {home.port}"))
    out = outbound(partner("--route", home.address)("--json"))
    failure = first_failure(out["ladder"])
    assert failure["step"] == "dns" and "loops back" in failure["evidence"]
    assert len(out["addresses"]) == 1 and not out["addresses"][0]["greeting"]


def test_what_is_amiss_with_our_certificate_is_an_event(home, serve, tmp_path):
    """EX-25, EX-34: at the start, once."""
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/own.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com", usage=authority.SERVER_ONLY)[:2])
    home.write("etc/anchors/x.pem", own.pem())
    assert home.valija("partner", "add", "fabrikam", "--domain", DOMAIN, "--trust", "x").status == 0
    serve()
    log = home.path / "log/valija.log"
    poll.until("the event is in the log",
               lambda: "certificate.no-client-auth" in log.read_text())
    assert home.valija("reload").status == 0
    assert log.read_text().count("certificate.no-client-auth") == 1
    poll.until("the list that cannot be fetched is told",
               lambda: "certificate.unverifiable" in log.read_text(), 60)


@pytest.mark.parametrize("way", ["list", "delta", "ocsp"])
def test_that_our_certificate_is_revoked_is_an_event(home, serve, lab, tmp_path, way):
    """EX-25, EX-34: whichever way our CA tells it; the gauge and `certificate show` say the same."""
    shop = web.Web(lab.outsider_address(78))
    try:
        ca = chains.Ca("Contoso Root")
        shown = ca.issue("mail.contoso.com", **(
            {"ocsp_url": shop.url + "/ocsp"} if way == "ocsp" else {"crl_url": shop.url + "/list"}))
        shop.files = {
            "list": {"/list": ca.list([shown.leaf])},
            "delta": {"/list": ca.list(number=5, freshest=shop.url + "/delta"),
                      "/delta": ca.list([shown.leaf], number=6, base=5)},
            "ocsp": {"/ocsp": ca.ocsp(shown.leaf, revoked=True)}}[way]
        home.show("mail.contoso.com", *shown.files(str(tmp_path)))
        home.write("etc/anchors/own.pem", ca.pem())
        added = home.valija("partner", "add", "fabrikam", "--domain", DOMAIN, "--trust", "own")
        assert added.status == 0, added
        serve()

        def is_told():
            assert home.valija("reload").status == 0  # looks at once
            return "certificate.revoked" in (home.path / "log/valija.log").read_text()

        poll.until("it is told", is_told)
        one = home.valija("certificate", "show", "mail.contoso.com", "--json").json
        assert one["status"] == "Revoked", one
    finally:
        shop.close()


def stapled(address, port):
    """What openssl sees of a staple (RFC 6066 8)."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", "-starttls",
                           "smtp", "-status"], input="QUIT\r\n", capture_output=True, text=True,
                          timeout=30)
    return done.stdout


def test_what_our_responder_says_is_stapled_to_our_certificate(home, serve, lab, tmp_path):
    """EX-35: a partner that reaches neither list nor responder can still verify us."""
    shop = web.Web(lab.outsider_address(78))
    try:
        ca = chains.Ca("Contoso Root")
        shown = ca.issue("mail.contoso.com", ocsp_url=shop.url + "/ocsp")
        home.show("mail.contoso.com", *shown.files(str(tmp_path)))
        home.write("etc/anchors/own.pem", ca.pem())
        added = home.valija("partner", "add", "fabrikam", "--domain", DOMAIN, "--trust", "own")
        assert added.status == 0, added
        home.append("etc/valija.toml", '\n[crl]\nretry = "500ms"\n')
        serve()
        assert "OCSP response: no response sent" in stapled(home.address, home.port)
        shop.files = {"/ocsp": ca.ocsp(shown.leaf)}
        said = poll.until("it is stapled",
                          lambda: (text := stapled(home.address, home.port)) and
                          "OCSP Response Status: successful" in text and text)
        assert "Cert Status: good" in said, said
    finally:
        shop.close()


@pytest.mark.parametrize("left, event, days", [
    (20, "expires-soon", 30), (10, "expires-soon", 14), (5, "expires-soon", 7),
    (0.5, "expires-soon", 1), (-1, "expired", 0)])
def test_the_end_of_our_certificate_is_told_again_as_it_comes_nearer(home, serve, tmp_path, left,
                                                                     event, days):
    """Issue 5 "Renewal": 30, 14, 7 and 1 days before, and when it has come; once each."""
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/own.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com", end=left * authority.DAY)[:2])
    serve()
    log = home.path / "log/valija.log"
    poll.until("the event is in the log", lambda: f"certificate.{event} " in log.read_text())
    assert home.valija("reload").status == 0
    (line,) = [one for one in log.read_text().splitlines() if f"certificate.{event} " in one]
    assert (f"within_days={days}" in line) == (days > 0), line


def test_a_wrong_target_is_a_usage_error_with_a_hint(home, serve, partner):
    """No partner and no domain: 64, and the nearest name."""
    partner()
    done = home.valija("check", "fabrikan")
    assert done.status == 64 and "did you mean fabrikam?" in done.err


def test_without_a_server_the_command_says_so(home):
    """As the other commands."""
    assert home.valija("check", "fabrikam").status == 69
