"""The kernel's own modules, for the floors of usernet that talk to the kernel.

``patch()`` gives other modules our stand-ins and never changes the real modules; this one is imported with the
package, before any patch, so ``from .._kernel import select, socket`` is the kernel's in a module that is first
imported afterwards too.
"""

from __future__ import annotations

import select
import socket

__all__ = ["select", "socket"]
