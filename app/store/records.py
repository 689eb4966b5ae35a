"""Records as rows: strict JSON beside its SHA-256, so that a changed byte is noticed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from app.store import strict_json

MAX_RECORD_BYTES = 64 << 20


class BadRecord(ValueError):
    """A record whose bytes are not those that were written."""


def seal(record: Any) -> tuple[str, bytes]:
    """The columns `record` and `sha256` for a value of JSON."""
    text = strict_json.dumps(record)
    return text, hashlib.sha256(text.encode()).digest()


def unseal(text: Any, sha256: Any) -> Any:
    """The value again. Raises BadRecord."""
    if not isinstance(text, str) or hashlib.sha256(text.encode()).digest() != sha256:
        raise BadRecord("a record was changed")
    return strict_json.loads(text, max_bytes=MAX_RECORD_BYTES)


def now() -> str:
    """The time for people to read; nothing is ordered by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
