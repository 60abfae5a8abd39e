"""CPython's own tests of the modules we stand in for: the ids of cpython_passing.tsv pass on the drop-in.

They are those of CPython 3.11 that need no IPv6, do not wait on purpose, and passed before; cpython_runner.py runs
any other selection.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .cpython_runner import read_ids, run

PASSING = Path(__file__).parent / "cpython_passing.tsv"
MODULES = (
    "test_asyncio", "test_asyncore,test_asynchat,test_epoll", "test_socket",
    "test_ssl", "test_httplib,test_httpservers,test_socketserver,test_urllib2_localnet",
    "test_ftplib,test_poplib,test_smtplib,test_imaplib,test_telnetlib,test_xmlrpc,test_docxmlrpc,test_logging,test_nntplib,test_robotparser",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the ids are those of CPython 3.11"),
    pytest.mark.skipif(
        not (Path(os.__file__).parent / "test" / "test_socket.py").exists(),
        reason="this Python comes without its tests",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("modules", MODULES, ids=lambda names: names.partition(",")[0])
def test_what_passed_passes(modules: str) -> None:
    ids = read_ids(PASSING, modules.split(","))
    assert ids
    failed = [row[:3] for row in run(ids, limit=100) if row[1] not in ("pass", "skip")]
    assert failed == []
