"""The ``usernet`` command: its verbs, its help page, and one line for every mistake."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from .errors import USAGE, CliError

# Sections of the help page. A verb's module is imported when it is used, not before.
SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "demo": "A web server on our own TCP, fetched by a kernel client, in ten seconds.",
        "run": "Run a Python program on a network stack of its own.",
        "ping": "Send ICMP echo requests, from a running program's stack or a new one.",
    },
    "Look into a running program": {
        "ss": "Sockets: states, queues, and all that TCP knows (-i).",
        "ip": "Addresses, links, routes, neighbours; `ip netns` lists what runs.",
        "nstat": "Counters, under Linux's names, and drop reasons.",
        "sysctl": "Read and change settings, under Linux's names.",
        "why": "What was dropped, and why, in plain words.",
    },
    "Test": {
        "drill": "Run .pkt scripts (packetdrill's language) against our TCP, in virtual time.",
    },
    "This machine": {
        "doctor": "What this machine allows, and what works anyway.",
    },
}
VERBS = {verb: text for section in SECTIONS.values() for verb, text in section.items()}


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the help page."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of this name."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f".verbs.{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs in sections."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))


def _version() -> str:
    try:
        return version("usernet")
    except PackageNotFoundError:
        return "unknown"


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every verb has --help. Start with `usernet demo`.",
)
@click.version_option(_version(), prog_name="usernet")
def cli() -> None:
    """usernet: the network half of an operating system, as a Python library.

    Programs run on their own TCP/IP stack inside their own process: on a TAP device, or with no privilege at all
    through user-mode NAT. The tools below look into it, with the flags and columns of Linux's tools.
    """


def run() -> None:
    """Run the command line and end the process with its status."""
    try:
        status = cli.main(prog_name="usernet", standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "usernet"
        click.echo(f"{where}: {error.format_message().rstrip('.')} (see `{where} --help`)", err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.status if isinstance(error, CliError) else error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (head) left: end as quietly as a C program killed by SIGPIPE.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(status() if callable(status) else status if isinstance(status, int) else 0)
