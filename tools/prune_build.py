"""Drops what a kept build/ still holds of modules the tree no longer has, so that it is not packed again."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

for library in (ROOT / "build").glob("lib*"):
    for file in library.rglob("usernet/**/*"):
        relative = file.relative_to(library)
        name = relative.name.split(".")[0]
        suffixes = (".py", ".pxd") if file.suffix == ".so" else (file.suffix,)
        wanted = [ROOT / "src" / relative.parent / (name + suffix) for suffix in suffixes]
        if file.is_file() and not all(path.exists() for path in wanted) and file.name != "py.typed":
            file.unlink()
