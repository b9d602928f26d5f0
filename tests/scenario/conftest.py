"""One lab for all scenarios that can share it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import authority, server, smtp, world  # noqa: E402


@pytest.fixture(scope="session")
def program():
    if not world.PROGRAM.exists():
        pytest.fail(f"{world.PROGRAM} is not there; build it, or name another in VALIJA_PROGRAM")
    return world.PROGRAM


@pytest.fixture(scope="session")
def lab(program):
    running = world.Lab()
    yield running
    status, said = running.stop()
    assert status == 0, f"`valija lab` ended with {status} after SIGTERM:\n{said}"
    assert not running.root.exists(), f"the lab left {running.root} behind"


@pytest.fixture
def contoso(lab):
    return lab.contoso


@pytest.fixture
def woodgrove(lab):
    return lab.woodgrove


@pytest.fixture
def dial(lab):
    """Opens a session with an organisation, usually from an outsider's address; closes all."""
    opened = []

    def open_session(organisation, source=None, **options):
        client = smtp.Client(organisation.address, lab.smtp_port,
                             source or lab.outsider_address(), **options)
        opened.append(client)
        return client

    yield open_session
    for client in opened:
        client.socket.close()


@pytest.fixture
def woodgrove_ca(woodgrove, tmp_path):
    return authority.Authority.of(woodgrove, str(tmp_path))


@pytest.fixture
def home(lab, tmp_path):
    """A home of the test's own, with no server running on it."""
    return server.Home(tmp_path / "home", lab, lab.outsider_address(77))


@pytest.fixture
def serve(home):
    """Starts servers on `home`, one after the other; ends the last."""
    started = []

    def start():
        started.append(server.Server(home))
        return started[-1]

    yield start
    for running in started:
        running.kill()
