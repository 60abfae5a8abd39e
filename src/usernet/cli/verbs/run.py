"""``usernet run``: a Python program on a network stack of its own, in this process."""

from __future__ import annotations

from typing import Any

import click

from ...host import default_host
from ..launch import Network, Published, network_options, publish_option, sysctl_option
from ..process import Launch
from ..program import parse


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    }
)
@network_options
@publish_option
@click.option(
    "--name", metavar="NS", default="default", show_default=True, help="Name of the stack, for ss and its like."
)
@sysctl_option
@click.argument("words", metavar="[--] PROGRAM [ARGS]...", nargs=-1, type=click.UNPROCESSED)
def command(
    name: str,
    publish: tuple[Published, ...],
    sysctl: tuple[tuple[str, str], ...],
    words: tuple[str, ...],
    **network: Any,
) -> Launch:
    """Run a Python program on a network stack of its own.

    \b
    usernet run --publish 8080:80 -- python app.py
    usernet run --publish 8080:80 -- python -m http.server 80
    usernet run --publish 8000:8000 -- uvicorn app:app --host 0.0.0.0
    usernet run --net tap:tap0 --address 10.9.0.2/24 --gateway 10.9.0.1 -- python app.py

    The program is not changed and runs in this process; its sockets are ours. Its exit status is passed on, Ctrl-C
    and SIGTERM reach it; processes it starts stay on the machine's network. The default device user: needs no
    privilege: the program is 10.0.2.15, the machine 10.0.2.2. While it runs, `usernet ss`, `ip`, `nstat`, `ping`
    look into it from another terminal.
    """
    program = parse(words)
    return Launch(program, lambda: Network.open(name, host=default_host(), publish=publish, sysctl=sysctl, **network))
