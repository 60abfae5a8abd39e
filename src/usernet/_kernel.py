"""The kernel's own modules, for the floors of usernet that talk to the kernel.

``patch()`` puts our stand-ins into ``sys.modules`` and never changes the real modules. This one is imported with the
package, before any patch, so ``from .._kernel import socket`` is the kernel's also in a module imported afterwards.
"""

from __future__ import annotations

import _socket
import select
import socket

__all__ = ["_socket", "select", "socket"]
