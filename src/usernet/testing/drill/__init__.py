"""``.pkt`` scripts in packetdrill's language, run against the stack in virtual time (docs/drill.md)."""

from __future__ import annotations

from .run import Result, run_script

__all__ = ["Result", "run_script"]
