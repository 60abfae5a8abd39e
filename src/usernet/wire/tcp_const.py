"""Kinds of TCP options that other floors use too. Never compiled: hot modules declare their C types."""

from __future__ import annotations

from typing import Final

OPT_MD5: Final = 19
OPT_AO: Final = 29
# What Segment.auth says of two signatures in one segment, or of one that has an illegal length (RFC 5925 2.2).
AUTH_BAD: Final = 255
