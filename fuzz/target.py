"""The atheris target: any octets, carried out against a live stack.

usage: target.py [libFuzzer options] [CORPUS DIRECTORY | CRASH FILE]
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["usernet"]):
    import usernet.host
    import usernet.sockets.factory  # noqa: F401  imported here so that it is instrumented

from hostile import Target


def one_input(data: bytes) -> None:
    with Target() as target:
        target.attack(data)
        target.still_works()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
