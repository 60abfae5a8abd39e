"""Finding out which Python program a command line names, and running it in this process as ``__main__``.

The result is what ``python`` itself would do: ``sys.argv``, ``sys.path[0]``, ``__file__``, tracebacks and exit status.
"""

from __future__ import annotations

import importlib.machinery
import io
import os
import re
import runpy
import shutil
import sys
import types
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from .errors import NOT_EXECUTABLE, NOT_FOUND, USAGE, CliError

PYTHON = re.compile(r"python(?:3(?:\.(\d+))?t?)?$")
# Interpreter options that stand alone, and those that take a word.
PLAIN_OPTIONS = frozenset("bBdEIOPqRsSuvx")
WORD_OPTIONS = frozenset("WX")
HARMLESS = frozenset("uq")


@dataclass
class Program:
    """What to run: a file, a module, code, or standard input; ``argv`` is its sys.argv."""

    kind: Literal["file", "module", "code", "stdin"]
    target: str
    argv: list[str]
    unbuffered: bool = False
    # Options only a fresh interpreter can have: the command starts itself again under them.
    interpreter_options: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The program as a user would name it."""
        file = os.path.basename(self.target)
        words = {"file": [file], "module": ["-m", self.target], "code": ["-c", "..."], "stdin": ["-"]}[self.kind]
        return " ".join([*words, *self.argv[1:]])


def parse(words: Sequence[str]) -> Program:
    """The program a command line means.

    Raises CliError: 127 when there is no such command, 126 when it is not a Python program, 2 for wrong use.
    """
    if not words:
        raise CliError("say what to run: usernet run [options] -- python app.py ...", USAGE)
    first = words[0]
    if first in {"-m", "-c", "-"}:
        return _python(words)
    if first.startswith("-"):
        raise CliError(f"run: no such option {first} (see `usernet run --help`)", USAGE)
    version = PYTHON.match(os.path.basename(first))
    if version is not None:
        _check_version(first, version.group(1))
        return _python(words[1:])
    if first.endswith((".py", ".pyz", ".pyw")) or _runnable_path(first):
        return Program("file", first, list(words))
    found = shutil.which(first) or _beside_python(first)
    if found is None:
        raise CliError(f"{first}: command not found", NOT_FOUND)
    if not _is_python_script(found):
        raise CliError(
            f"{found} is not a Python program; only Python programs can run on a usernet stack", NOT_EXECUTABLE
        )
    return Program("file", found, [found, *words[1:]])


def _check_version(name: str, minor: str | None) -> None:
    if minor is not None and int(minor) != sys.version_info.minor:
        raise CliError(
            f"{name} was asked for, and usernet runs under Python {sys.version_info.major}.{sys.version_info.minor}; "
            "install usernet for that interpreter, or say just `python`",
            NOT_EXECUTABLE,
        )


def _python(words: Sequence[str]) -> Program:
    """What ``python WORDS`` means (its own command line, ``python --help``)."""
    options: list[str] = []
    unbuffered = False
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if not word.startswith("-"):
            return _finish(Program("file", word, [word, *words[index:]]), options, unbuffered)
        if word == "-":
            return _finish(Program("stdin", "<stdin>", ["-", *words[index:]]), options, unbuffered)
        if word.startswith("--"):
            raise CliError(f"run: the interpreter option {word} is not supported", USAGE)
        for at, letter in enumerate(word[1:], 2):
            if letter in PLAIN_OPTIONS:
                unbuffered = unbuffered or letter == "u"
                if letter not in HARMLESS:
                    options.append(f"-{letter}")
                continue
            if letter not in WORD_OPTIONS | {"m", "c"}:
                raise CliError(f"run: the interpreter option -{letter} is not supported", USAGE)
            value = word[at:]
            if not value:
                if index == len(words):
                    raise CliError(f"run: argument expected for the -{letter} option", USAGE)
                value = words[index]
                index += 1
            if letter == "m":
                return _finish(Program("module", value, ["-m", *words[index:]]), options, unbuffered)
            if letter == "c":
                return _finish(Program("code", value, ["-c", *words[index:]]), options, unbuffered)
            options += [f"-{letter}", value]
            break
    return _finish(Program("stdin", "<stdin>", [""]), options, unbuffered)


def _finish(program: Program, options: list[str], unbuffered: bool) -> Program:
    program.interpreter_options = options
    program.unbuffered = unbuffered
    return program


def _runnable_path(name: str) -> bool:
    if os.sep not in name:
        return False
    if os.path.isdir(name):
        return os.path.exists(os.path.join(name, "__main__.py"))
    return zipfile.is_zipfile(name)


def _beside_python(name: str) -> str | None:
    """A console script of our own environment, when its bin directory is not on PATH."""
    return shutil.which(name, path=os.path.dirname(sys.executable)) if os.sep not in name else None


def _is_python_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            if file.read(2) != b"#!":
                return False
            shebang, second = file.readline(4096), file.readline(4096)
    except OSError:
        return False
    # pip writes a shell preamble that is also Python when the interpreter's path is too long for the kernel.
    return b"python" in shebang or (shebang.strip() == b"/bin/sh" and second.startswith(b"'''exec'"))


def execute(program: Program) -> None:
    """Run it as ``__main__``. Returns when its main thread is done; raises what it raises, SystemExit included."""
    if program.unbuffered:
        _unbuffer()
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=__builtins__, __loader__=None, __spec__=None)
    sys.modules["__main__"] = main
    sys.argv[:] = program.argv
    if program.kind == "file":
        _execute_file(program.target, main)
        return
    _first_on_path("" if program.kind != "module" else os.getcwd())
    if program.kind == "module":
        runpy._run_module_as_main(program.target)  # type: ignore[attr-defined]
    elif program.kind == "code":
        exec(compile(program.target, "<string>", "exec", dont_inherit=True), main.__dict__)
    elif sys.stdin.isatty():
        import code

        code.interact(banner=f"Python {sys.version} on usernet", local=main.__dict__, exitmsg="")
    else:
        main.__dict__.update(__file__="<stdin>", __cached__=None)
        exec(compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True), main.__dict__)


def _execute_file(path: str, main: types.ModuleType) -> None:
    if os.path.isdir(path) or (os.path.isfile(path) and zipfile.is_zipfile(path)):
        _first_on_path(os.path.abspath(path))
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        return
    # Not normalized: python keeps a ./ in __file__.
    absolute = os.path.join(os.getcwd(), path)
    try:
        with io.open_code(absolute) as file:
            source = file.read()
    except OSError as error:
        # python's own words and status
        raise CliError(
            f"{sys.executable}: can't open file {absolute!r}: [Errno {error.errno}] {error.strerror}", USAGE
        ) from None
    _first_on_path(os.path.dirname(os.path.realpath(path)))
    main.__file__ = absolute
    main.__dict__["__cached__"] = None
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", absolute)
    exec(compile(source, absolute, "exec", dont_inherit=True), main.__dict__)


def _first_on_path(directory: str) -> None:
    # The interpreter put the directory of the usernet command there; the program's own takes its place.
    if not sys.flags.safe_path:
        sys.path[:1] = [directory]


def _unbuffer() -> None:
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        stream.flush()
        raw = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115
        unbuffered = io.TextIOWrapper(raw, stream.encoding, stream.errors, write_through=True)
        setattr(sys, name, unbuffered)
        setattr(sys, f"__{name}__", unbuffered)
