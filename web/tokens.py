"""Named tokens, the sessions of people who gave one, and the proof that a form came from our own page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..coding.errors import InputError

_LINE: Final = re.compile(r"([A-Za-z0-9._-]{1,64})[ \t]+(\S+)")
_SHORTEST: Final = 32
SESSION_SECONDS: Final = 12 * 3600


@dataclass(frozen=True)
class Tokens:
    """Who may come in. ``digests``: name → SHA-256 of the token; the tokens themselves are not kept."""

    digests: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.digests)

    def name_of(self, token: str) -> str | None:
        """Whose token it is. Every token is compared, each in constant time, so that time tells nothing."""
        given = _digest(token)
        found = None
        for name, digest in self.digests:
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).digest()


def read_tokens(path: str) -> Tokens:
    """The tokens of a file: a name and a token a line, # for remarks.

    Raises:
        InputError: it cannot be read, others may read it, a line is none, a token is short or a name stands twice.
    """
    file = Path(path)
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"--tokens {path}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"--tokens {path}: others may read it; run: chmod 600 {path}")
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None or len(parts[2]) < _SHORTEST or parts[1] in found:
            raise InputError(
                f"--tokens {path}, line {number}: a new name, a space and a token of {_SHORTEST} or more characters are needed "
                "(spinecode serve --new-token NAME writes such a line)"
            )
        found[parts[1]] = _digest(parts[2])
    if not found:
        raise InputError(f"--tokens {path}: holds no token")
    return Tokens(tuple(found.items()))


def new_token_line(name: str) -> str:
    """A line for the file of tokens.

    Raises:
        InputError: the name is not usable.
    """
    line = f"{name} {secrets.token_urlsafe(32)}"
    if not _LINE.fullmatch(line):
        raise InputError(f"--new-token {name!r}: letters, digits, dot, dash and underscore are possible")
    return line


@dataclass(frozen=True)
class Seals:
    """Signs what goes out in cookies and forms. The key lives as long as the server: a restart ends all sessions."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def session(self, name: str) -> str:
        """The cookie of a person who gave the token ``name``."""
        told = f"{name}|{int(time.time()) + SESSION_SECONDS}"
        return f"{base64.urlsafe_b64encode(told.encode()).decode()}.{self._sign('session', told)}"

    def name_in(self, cookie: str) -> str | None:
        """Whose session a cookie is of, if it is one of ours and not over."""
        coded, _, signature = cookie.rpartition(".")
        try:
            told = base64.b64decode(coded.encode("ascii"), altchars=b"-_", validate=True).decode("utf-8")
        except ValueError:
            return None
        if not _same(signature, self._sign("session", told)):
            return None
        name, _, end = told.rpartition("|")
        return name if int(end) >= time.time() else None

    def form(self, nonce: str) -> str:
        """The hidden field that belongs to the cookie ``nonce``."""
        return self._sign("form", nonce)

    def is_form(self, nonce: str, field_value: str) -> bool:
        """Whether a form's hidden field belongs to the cookie it came with."""
        return bool(nonce) and _same(field_value, self.form(nonce))

    def _sign(self, what: str, told: str) -> str:
        return hmac.new(self.key, f"{what}|{told}".encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", errors="replace"), other.encode("utf-8"))


def new_nonce() -> str:
    """A value for the cookie that forms are tied to."""
    return secrets.token_urlsafe(24)
