"""tools/check_layers finds every kind of breach, and leaves a clean tree alone."""

import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_layers"

LAYERS = """\
# a small house
platform/base:
platform/observe:
platform/net:
platform/store:
protocol/mail (pure):
trust/x509:
transport/queue: protocol/mail platform/store
transport/receive: protocol/mail platform/net trust/x509 transport/queue
programs: platform protocol trust transport
third-party openssl/: trust/x509
third-party boost/asio.hpp:
"""

CMAKE = """\
# One target a leaf folder
valija_folder(platform/base fmt::fmt)
valija_folder(platform/observe platform_base)
valija_folder(platform/net platform_base)
valija_folder(platform/store platform_base)
valija_folder(protocol/mail platform_base)
valija_folder(trust/x509 platform_base OpenSSL::SSL)
valija_folder(transport/queue protocol_mail
  platform_store)
valija_folder(transport/receive platform_net transport_queue)
"""


@pytest.fixture
def house(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "layers.txt").write_text(LAYERS)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "CMakeLists.txt").write_text(CMAKE)
    write(tmp_path, "src/transport/queue/spool.cpp",
          '#include "protocol/mail/address.hpp"\n#include <string>\n'
          '#include "platform/base/text.hpp"\n')
    write(tmp_path, "src/transport/queue/internal/rows.hpp", "#pragma once\n")
    write(tmp_path, "src/trust/x509/certificate.cpp", "#include <openssl/x509.h>\n")
    write(tmp_path, "src/programs/main.cpp", '#include "transport/queue/spool.hpp"\n')
    return tmp_path


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(root):
    done = subprocess.run([TOOL, "--root", root], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_clean_tree_is_left_alone(house):
    assert run(house) == (0, "")


@pytest.mark.parametrize("file, line, words", [
    ("src/transport/queue/a.cpp", '#include "trust/x509/certificate.hpp"',
     "does not let transport/queue include trust/x509"),
    ("src/protocol/mail/a.hpp", '#include "transport/queue/spool.hpp"',
     "protocol is a storey below transport"),
    ("src/trust/x509/a.cpp", '#  include "programs/main.hpp"', "nobody includes programs/"),
    ("src/transport/receive/a.cpp", '#include "transport/queue/internal/rows.hpp"',
     "is private to transport/queue"),
    ("src/programs/a.cpp", '#include "transport/queue/internal/rows.hpp"',
     "is private to transport/queue"),
    ("src/protocol/mail/a.cpp", '#include "platform/observe/log.hpp"', "protocol/mail is pure"),
    ("src/transport/queue/a.cpp", '#include "spool.hpp"', "in no folder of tools/layers.txt"),
    ("src/transport/queue/a.cpp", "#include <openssl/ssl.h>",
     "only trust/x509 may include openssl/"),
    ("src/programs/a.cpp", "#include <boost/asio.hpp>", "nobody may include boost/asio.hpp"),
])
def test_a_breach_is_named_with_its_place(house, file, line, words):
    write(house, file, "#pragma once\n" + line + "\n")
    status, said = run(house)
    assert status == 1
    assert said.startswith(f"{file}:2: ")
    assert words in said
    assert said.endswith("check_layers: 1 breach of tools/layers.txt\n")


def test_a_file_outside_every_folder_is_a_breach(house):
    write(house, "src/transport/lost.cpp", "\n")
    status, said = run(house)
    assert status == 1
    assert "src/transport/lost.cpp:1: the file lies in no folder" in said


def test_a_link_that_the_table_does_not_allow_is_a_breach(house):
    cmake = house / "src" / "CMakeLists.txt"
    cmake.write_text(CMAKE.replace("  platform_store)", "  platform_store trust_x509)"))
    status, said = run(house)
    assert status == 1
    assert "src/CMakeLists.txt:8: transport/queue links trust_x509" in said


def test_a_folder_without_target_is_a_breach(house):
    cmake = house / "src" / "CMakeLists.txt"
    cmake.write_text(CMAKE.replace("valija_folder(trust/x509 platform_base OpenSSL::SSL)\n", ""))
    status, said = run(house)
    assert status == 1
    assert "trust/x509 is in tools/layers.txt but has no target" in said


def test_a_table_that_looks_upward_is_a_breach(house):
    table = house / "tools" / "layers.txt"
    table.write_text(LAYERS.replace("trust/x509:", "trust/x509: transport/queue"))
    status, said = run(house)
    assert status == 1
    assert "lets trust/x509 include transport/queue, which is a storey above" in said


def test_this_tree_keeps_its_table():
    status, said = run(TOOL.parents[1])
    assert status == 0, said
