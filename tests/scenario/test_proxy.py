"""`valija proxy`: lists through a proxy, who is reached around it, changed while the server runs.

EX-36, EX-37, EX-38, EX-39, EX-40.
"""

import pytest
from support import authority, poll
from support.server import free_port
from support.web import Web
from test_revocation import ADDRESS, list_of, settled, state_of, want

NOWHERE = "http://crl.partner.invalid"  # only a proxy can have what lies there


@pytest.fixture
def ca(tmp_path):
    return authority.Authority.stranger(str(tmp_path), "http://unused.example/a.crl")


@pytest.fixture
def web():
    """A web server, and a proxy as well: it is asked for whole addresses then."""
    running = Web(ADDRESS)
    yield running
    running.close()


def address_of(web):
    return web.url.removeprefix("http://")


def fetched_again(home, url):
    home.valija("crl", "fetch", url)
    return poll.until(f"{url} is there", lambda: (state_of(home, url) or {}).get("loaded"))


def test_a_list_that_only_the_proxy_can_reach_comes_without_a_restart(home, serve, ca, web):
    """EX-36, EX-40: one setting, in force from the next fetch on."""
    url = NOWHERE + "/list"
    web.files = {url: list_of(ca)}
    want(home, ca, url)
    serve()
    assert not settled(home, url)["loaded"]
    done = home.valija("proxy", "set", address_of(web), "<local>")
    assert done.status == 0, done
    fetched_again(home, url)
    assert url in web.asked
    assert "# written by hand; a comment to keep" in home.read("etc/valija.toml")


def test_who_is_named_is_reached_around_a_proxy_that_is_dead(home, serve, ca, web):
    """EX-37: the bypass list; EX-39: and direct again."""
    url = web.url + "/list"
    web.files = {"/list": list_of(ca)}
    want(home, ca, url)
    dead = f"{ADDRESS}:{free_port(ADDRESS)}"
    assert home.valija("proxy", "set", dead).status == 0
    serve()
    state = settled(home, url)
    assert not state["loaded"] and f"through the proxy http://{dead}" in state["last_error"], state
    assert home.valija("proxy", "set", dead, "127.0.0.0/8").status == 0
    fetched_again(home, url)
    assert home.valija("proxy", "clear").status == 0
    asked = len(web.asked)
    home.valija("crl", "fetch", url)
    poll.until("it was fetched directly", lambda: len(web.asked) > asked)


def test_the_words_of_proxycfg_do_what_they_did(home):
    """EX-37, EX-38, EX-39: proxycfg -p proxy "<local>"; proxycfg; proxycfg -d."""
    assert home.valija("proxy", "set", "proxy1", "<local>").status == 0
    shown = home.valija("proxy", "show", "--json").json
    assert shown == {"url": "http://proxy1:80", "bypass": ["<local>"]}, shown
    assert home.valija("proxy", "set", "proxy1:8080", "<local>;*.contoso.com 10.0.0.0/8").status == 0
    shown = home.valija("proxy", "show")
    assert "http://proxy1:8080" in shown.out and "*.contoso.com" in shown.out, shown
    assert home.valija("proxy", "clear").status == 0
    assert "No proxy" in home.valija("proxy", "show").out


@pytest.mark.parametrize("words", [("ftp://proxy:80",), ("proxy:99999",), ("proxy:80", "<remote>"),
                                   ("http://user:secret@proxy:80",)])
def test_what_is_no_proxy_is_refused_and_nothing_is_written(home, words):
    before = home.read("etc/valija.toml")
    done = home.valija("proxy", "set", *words)
    assert done.status != 0 and "proxy." in done.err, done
    assert home.read("etc/valija.toml") == before
