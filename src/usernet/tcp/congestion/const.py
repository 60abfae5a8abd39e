"""Numbers that modules of this folder share. Never compiled: a hot module declares the C type of what it imports."""

from __future__ import annotations

from typing import Final

# draft-ietf-ccwg-bbr-04: BBR.LossThresh, BBR.Beta, and "Infinity" for a volume.
LOSS_THRESHOLD: Final = 0.02
BETA: Final = 0.7
NO_BOUND: Final = 0x7FFFFFFF
