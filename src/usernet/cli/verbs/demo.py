"""``usernet demo``: a web server on our own TCP, fetched by a kernel client, in at most ten seconds."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from .. import paths, probe
from ..demo import Demo
from ..demo_view import view_for
from ..errors import os_error
from ..output import json_option, print_json

# What a fetch takes some three seconds for.
COMPILED_SIZE, INTERPRETED_SIZE = 64 << 20, 16 << 20
IMPAIRMENT = "delay 2ms rate 250mbit loss 0.01%"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--impair", metavar="SPEC", default=IMPAIRMENT, show_default=True, help="Impair the wire, each direction."
)
@click.option("--size", metavar="MB", type=click.IntRange(1, 4096), help="Size of the file (64, interpreted 16).")
@json_option
def command(impair: str, size: int | None, as_json: bool) -> None:
    """A web server on our own TCP, fetched by a kernel client: no root, ten seconds at most.

    An unmodified `python -m http.server` runs on a usernet stack behind user-mode NAT; curl, on the kernel's TCP, gets
    a file from it through a published port and a slightly bad wire. What TCP is doing is shown while it does it.
    """
    octets = size << 20 if size else COMPILED_SIZE if probe.is_compiled() else INTERPRETED_SIZE
    capture = _capture_path()
    with tempfile.TemporaryDirectory(prefix="usernet-demo-") as directory:
        demo = Demo(Path(directory), capture, octets, impair)
        view = view_for(sys.stdout, quiet=as_json)
        with view, demo:
            view.start(demo)
            for sample in demo.fetch():
                view.show(sample)
            outcome = demo.finish()
        view.end(outcome)
    if as_json:
        print_json(vars(outcome))
    if not outcome.intact:
        raise SystemExit(1)


def _capture_path() -> Path:
    directory = paths.temp_dir()
    try:
        paths.make_private(directory)
    except OSError as error:
        raise os_error(f"no place for the capture: {directory}", error) from None
    return directory / "demo.pcapng"
