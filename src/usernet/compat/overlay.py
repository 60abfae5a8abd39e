"""Standard library modules, loaded a second time on top of our stand-ins.

The source is the standard library's, unchanged; only what its ``import`` statements find differs. Nothing in
``sys.modules`` is swapped meanwhile, so threads that import see the real modules.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class Importer:
    """The ``__import__`` of overlaid modules: some names lead to our modules, all others to the real ones.

    ``modules`` maps absolute names, submodules of a package included (``asyncio.sslproto``).
    """

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self.modules = modules

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """As ``builtins.__import__``."""
        package = (globals or {}).get("__package__") or ""
        absolute = f"{package}.{name}".rstrip(".") if level else name
        if absolute in self.modules:
            return self.modules[absolute]
        module: ModuleType = builtins.__import__(name, globals, locals, fromlist or (), level)
        ours = [item for item in fromlist or () if f"{absolute}.{item}" in self.modules]
        if not ours:
            return module
        view = ModuleType(absolute)
        view.__dict__.update(module.__dict__)
        for item in ours:
            view.__dict__[item] = self.modules[f"{absolute}.{item}"]
        return view


def load(name: str, modules: Mapping[str, ModuleType], alias: str | None = None) -> ModuleType:
    """The standard library's module ``name``, executed with ``modules`` in place of what it imports.

    ``alias`` names it in ``sys.modules``: ``enum`` looks a module up there while it turns constants into members.
    Its classes say that they live in ``name``, so that they print and pickle as a program expects.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = ModuleType(alias or name)
    space = module.__dict__
    space.update(
        __file__=spec.origin,
        __package__=name.rpartition(".")[0],
        __spec__=spec,
        __loader__=spec.loader,
        __builtins__={**builtins.__dict__, "__import__": Importer(modules)},
    )
    code = spec.loader.get_code(name)  # type: ignore[attr-defined]
    if alias is not None:
        sys.modules[alias] = module
    exec(code, space)
    if alias is not None:
        space["__name__"] = name
        for value in list(space.values()):
            if getattr(value, "__module__", None) == alias:
                value.__module__ = name
    return module


class View(ModuleType):
    """A module seen through others' eyes: ``over`` in place of some attributes, the rest as it is at that moment.

    An attribute that was replaced meanwhile, by patch() or a test, is seen as replaced.
    """

    def __init__(self, module: ModuleType, over: Mapping[str, Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module
        self._over = {name: (getattr(module, name), value) for name, value in over.items()}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        was, ours = self._over.get(name, (None, None))
        return ours if value is was and name in self._over else value


def stand_in(real: ModuleType, replaced: Mapping[str, Any]) -> ModuleType:
    """A module with the public names of a real one, some of them replaced."""
    module = ModuleType(real.__name__, real.__doc__)
    module.__dict__.update({name: value for name, value in vars(real).items() if not name.startswith("__")})
    module.__dict__.update(replaced)
    return module
