"""Which program a command line names, and that it runs as python runs it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from usernet.cli.errors import CliError
from usernet.cli.program import Program, parse

# Runs its arguments as `usernet run -- ...` does, without a network.
DRIVER = "import sys; from usernet.cli.program import execute, parse; execute(parse(sys.argv[1:]))"

REPORT = """
from __future__ import generator_stop
import json, os, sys
print(json.dumps({
    "name": __name__, "file": globals().get("__file__"), "argv": sys.argv, "path0": sys.path[0],
    "main": sys.modules["__main__"].__dict__ is globals(), "annotations": isinstance(f_annotation, type),
    "package": __package__, "cached": globals().get("__cached__", "absent"), "spec": __spec__ is not None,
}))
""".replace("import json", "def f(x: int): ...\nf_annotation = f.__annotations__['x']\nimport json")


def run(
    *words: str, cwd: Path, driver: tuple[str, ...] = ("-c", DRIVER), stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, *driver, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    "words", [["app.py", "one", "-x"], ["./sub/app.py"], ["-m", "app", "one"], ["-c", REPORT, "one"], ["-"], ["."]]
)
def test_the_program_sees_what_python_would_show_it(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("app.py", "sub/app.py", "__main__.py"):
        (tmp_path / name).write_text(REPORT)
    stdin = REPORT if words == ["-"] else ""
    ours = run("python", *words, cwd=tmp_path, stdin=stdin)
    python = run(*words, cwd=tmp_path, driver=(), stdin=stdin)
    assert ours.stderr == "" and ours.returncode == 0
    assert ours.stdout == python.stdout


def test_a_zipped_program_runs(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", "import helper, sys; print(helper.x, sys.argv)")
        archive.writestr("helper.py", "x = 7")
    assert run("./app.pyz", "a", cwd=tmp_path).stdout == "7 ['./app.pyz', 'a']\n"


@pytest.mark.parametrize(
    ("code", "status"), [("raise SystemExit(7)", 7), ("import sys; sys.exit('no')", 1), ("", 0), ("1/0", 1)]
)
def test_the_exit_status_is_the_programs(code: str, status: int, tmp_path: Path) -> None:
    assert run("python", "-c", code, cwd=tmp_path).returncode == status


def test_pickles_of_main_find_their_classes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import pickle, threading\nclass A: pass\n"
        "threading.Timer(0.05, lambda: print(type(pickle.loads(pickle.dumps(A()))).__name__)).start()\n"
    )
    assert run("app.py", cwd=tmp_path).stdout == "A\n"


def test_a_missing_script_is_told_in_pythons_words(tmp_path: Path) -> None:
    found = run("python", "none.py", cwd=tmp_path)
    assert f"can't open file '{tmp_path}/none.py': [Errno 2] No such file or directory" in found.stderr


def test_a_missing_module_is_told_in_pythons_words(tmp_path: Path) -> None:
    found = run("-m", "no_such_module", cwd=tmp_path)
    assert found.stderr == f"{sys.executable}: No module named no_such_module\n"
    assert found.returncode == 1


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["python", "app.py", "-x"], Program("file", "app.py", ["app.py", "-x"])),
        (["python3", "-m", "http.server", "80"], Program("module", "http.server", ["-m", "80"])),
        (["/usr/bin/python3", "-mhttp.server"], Program("module", "http.server", ["-m"])),
        (["-m", "http.server", "-d", "x"], Program("module", "http.server", ["-m", "-d", "x"])),
        (["python", "-u", "app.py"], Program("file", "app.py", ["app.py"], unbuffered=True)),
        (["python", "-c", "pass", "a"], Program("code", "pass", ["-c", "a"])),
        (["app.py", "80"], Program("file", "app.py", ["app.py", "80"])),
        (["python", "-OOBq", "-X", "dev", "-Wd", "a.py"],
         Program("file", "a.py", ["a.py"], interpreter_options=["-O", "-O", "-B", "-X", "dev", "-W", "d"])),
        (["python", "-Bm", "app"], Program("module", "app", ["-m"], interpreter_options=["-B"])),
    ],
)  # fmt: skip
def test_python_command_lines_are_read_as_python_reads_them(words: list[str], program: Program) -> None:
    assert parse(words) == program


def test_a_console_script_on_path_is_run_as_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long_shebang = "#!/bin/sh\n'''exec' \"/a very/long/bin/python\" \"$0\" \"$@\"\n' '''\nprint('ran')\n"
    for name, text in (("short", f"#!{sys.executable}\n"), ("long", long_shebang)):
        script = tmp_path / name
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        assert parse([name, "app:app"]) == Program("file", str(script), [str(script), "app:app"])
    assert run("long", cwd=tmp_path).stdout == "ran\n"


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (["no-such-command-x"], 127, "no-such-command-x: command not found"),
        (["sh", "-c", "true"], 126, "is not a Python program"),
        (["python3.2", "app.py"], 126, "python3.2 was asked for"),
        ([], 2, "say what to run"),
        (["--pulish", "8080:80", "app.py"], 2, "no such option --pulish"),
        (["python", "-i", "app.py"], 2, "-i is not supported"),
        (["python", "-m"], 2, "argument expected for the -m option"),
        (["python", "--version"], 2, "--version is not supported"),
    ],
)
def test_what_cannot_run_is_refused_in_one_line_with_a_shells_status(words: list[str], status: int, part: str) -> None:
    with pytest.raises(CliError) as caught:
        parse(words)
    assert caught.value.status == status
    assert part in caught.value.message and "\n" not in caught.value.message
