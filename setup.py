"""Compiles the hot modules; the same files run interpreted where that is not wanted or not possible.

USERNET_PURE=1              build no extension at all
USERNET_REQUIRE_COMPILED=1  a module that does not compile fails the build
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Every module with a .pxd beside it is compiled: the header is the list.
SRC = Path(__file__).parent / "src"
MODULES = sorted(
    ".".join(header.relative_to(SRC).with_suffix("").parts)
    for header in SRC.glob("usernet/**/*.pxd")
    if header.with_suffix(".py").exists()
)
# Their classes come and go with each packet, so what is freed is kept for the next: so many of each class. Cython heeds
# the directive in neither a .pxd nor a file's head, hence here; nothing in these files may have a __del__, which is
# called but once for an object's memory.
POOLED = ("usernet.core.chunk", "usernet.core.packet", "usernet.tcp.reassembly", "usernet.tcp.record")
POOL_SIZE = 256
PURE = os.environ.get("USERNET_PURE") == "1"
REQUIRED = os.environ.get("USERNET_REQUIRE_COMPILED") == "1"


class OptionalBuildExt(build_ext):
    """A build that falls back to the interpreted modules, with one clear line."""

    def run(self) -> None:
        """Compile everything, or say what is missing and go on."""
        self.parallel = os.cpu_count()
        try:
            super().run()
        except Exception as error:
            self.extensions = _fall_back(error)


def extensions() -> list[Extension]:
    """The extension modules, translated to C under build/."""
    if PURE:
        return []
    try:
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError
        from Cython.Compiler.Options import get_directive_defaults
    except ImportError as error:
        return _fall_back(error)
    try:
        get_directive_defaults()["freelist"] = 0  # only what has a default is taken from here
        ordinary = [name for name in MODULES if name not in POOLED]
        return _translate(cythonize, ordinary) + _translate(cythonize, POOLED, freelist=POOL_SIZE)
    except CompileError as error:
        return _fall_back(error)


def _fall_back(error: Exception) -> list[Extension]:
    if REQUIRED:
        raise error
    print(f"usernet: not compiled ({error}); the package works interpreted, slower")
    return []


def _translate(
    cythonize: Callable[..., list[Extension]], modules: Iterable[str], **directives: object
) -> list[Extension]:
    return cythonize(
        [
            Extension(
                name,
                [str(Path("src", *name.split(".")).with_suffix(".py"))],
                extra_compile_args=os.environ.get("USERNET_CFLAGS", "-O2 -fno-strict-aliasing").split(),
            )
            for name in modules
        ],
        nthreads=os.cpu_count() or 1,
        build_dir="build/cython",
        compiler_directives={
            "language_level": "3",
            "cdivision": True,
            "embedsignature": False,
            "freethreading_compatible": True,
            "auto_pickle": False,
            **directives,
        },
    )


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuildExt})
