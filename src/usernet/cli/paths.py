"""Where running hosts are found: ``$XDG_RUNTIME_DIR/usernet/PID.sock``, mode 0600 in a directory of mode 0700."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from errno import EACCES
from pathlib import Path


def runtime_dir() -> Path:
    """The directory of this user's control sockets; it need not exist."""
    uid = os.getuid()
    for base in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{uid}"):
        # Inherited through su or sudo, the variable names another user's.
        with contextlib.suppress(OSError):
            if base and os.stat(base).st_uid == uid:
                return Path(base) / "usernet"
    return temp_dir()


def temp_dir() -> Path:
    """Our directory among the temporary files, for want of a better one; it need not exist."""
    return Path(tempfile.gettempdir()) / f"usernet-{os.getuid()}"


def make_private(directory: Path) -> None:
    """Create it with mode 0700. Raises OSError(EACCES) when somebody else owns it or others may write to it."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise OSError(EACCES, f"{directory} is not a directory of ours")
    if found.st_mode & 0o077:
        directory.chmod(0o700)


def socket_path(pid: int) -> Path:
    """The control socket of the process with this pid."""
    return runtime_dir() / f"{pid}.sock"


def live_pids() -> list[int]:
    """Processes that have a control socket, oldest first; what dead ones left behind is removed."""
    pids = []
    for path in runtime_dir().glob("[0-9]*.*"):
        with contextlib.suppress(ValueError, FileNotFoundError):
            pid = int(path.name.partition(".")[0])
            if not is_alive(pid):
                path.unlink()
            elif path.suffix == ".sock":
                pids.append((path.stat().st_mtime_ns, pid))
    return [pid for _, pid in sorted(pids)]


def is_alive(pid: int) -> bool:
    """True while a process of this pid runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
