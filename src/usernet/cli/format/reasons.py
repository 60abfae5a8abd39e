"""What each drop reason means, for ``usernet why``; a test keeps the list complete."""

from __future__ import annotations

REASONS: dict[str, str] = {}
