"""An answer that is an error."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """A request that gets an error: a status and one line.

    Args:
        status: of HTTP.
        line: what is wrong, and what would do.
        headers: of the answer.
    """

    def __init__(self, status: int, line: str, headers: Mapping[str, str] | None = None):
        super().__init__(status, line)
        self.status, self.line, self.headers = status, line, dict(headers or {})
