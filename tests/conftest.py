"""Which build is under test, what becomes of tests this machine cannot run, and two stacks for those that need them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import usernet
from usernet.core import checksum

pytest.register_assert_rewrite("kernel.ground")
from kernel.ground import KernelLacks  # noqa: E402
from sockets.world import Net, World, cable  # noqa: E402

COMPILED = not str(checksum.__file__).endswith(".py")
BUILD = "compiled" if COMPILED else "interpreted"
MUST_RUN = os.environ.get("CI") == "true" and os.geteuid() == 0

# The same examples in every run, however slow the machine: what is to be found by chance, make fuzz looks for.
hypothesis.settings.register_profile(
    "usernet",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("usernet")


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Children of a shell's background job would inherit an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def world() -> World:
    """A host in virtual time."""
    return World()


@pytest.fixture
def ends(world: World) -> tuple[Net, Net]:
    """Two stacks of it, and a cable."""
    return cable(world)


def pytest_report_header() -> str:
    return f"usernet: {BUILD}, from {Path(usernet.__file__).parent}"


def pytest_configure() -> None:
    wanted = os.environ.get("USERNET_BUILD", BUILD)
    if wanted != BUILD:
        raise pytest.UsageError(f"the {wanted} build was to be tested, but usernet at {usernet.__file__} is {BUILD}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    # Where the machine is ours to arrange, a kernel test that does not run is a hole, not a convenience.
    arrangeable = call.excinfo is None or not call.excinfo.errisinstance(KernelLacks)
    if MUST_RUN and report.skipped and arrangeable and item.get_closest_marker("kernel"):
        report.outcome = "failed"
        report.longrepr = f"must run under CI as root, but was skipped: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def compiled() -> bool:
    return COMPILED
