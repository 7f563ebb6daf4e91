"""How the server is started, and what it refuses to start with."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final

from ..coding.errors import InputError
from .tokens import Tokens

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - what is refused without a list of names
_NAME: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


@dataclass(frozen=True)
class Limits:
    """What one request, one client and all of them together may take.

    ``note_bytes`` and ``batch_bytes``: of a request's body. ``seconds``: for one note. ``body_seconds``: for a body to
    arrive. ``waiting``: requests that may wait for a worker. ``per_client``: requests of one named client under way.
    ``batches``: batches under way.
    """

    note_bytes: int = 1_000_000
    batch_bytes: int = 16_000_000
    seconds: float = 10.0
    body_seconds: float = 20.0
    waiting: int = 64
    per_client: int = 16
    batches: int = 2


@dataclass(frozen=True)
class Settings:
    """One server. ``hosts``: names in the Host header that are answered, in lower case, without port."""

    host: str = "127.0.0.1"
    port: int = 8118
    hosts: frozenset[str] = frozenset(LOOPBACK_NAMES)
    tokens: Tokens = field(default_factory=Tokens)
    secure: bool = False
    limits: Limits = field(default_factory=Limits)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_hosts(host: str, allowed: list[str], tokens: Tokens, *, insecure: bool) -> frozenset[str]:
    """The names the server answers to, if it may listen on ``host`` at all.

    Raises:
        InputError: others could reach it and it knows no tokens, or nothing says under which name it is reached.
    """
    if not is_loopback(host):
        if not tokens and not insecure:
            raise InputError(
                f"--host {host}: other machines could read and send notes; give --tokens FILE (docs/serve.md), or "
                "--insecure if something else keeps them out"
            )
        if host in _EVERYWHERE and not allowed:
            raise InputError(f"--host {host}: say by which name it is reached: --allow-host NAME")
    for name in allowed:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"--allow-host {name!r}: a host name or address without scheme, port or wildcard is needed"
            )
    own = () if host in _EVERYWHERE else (f"[{host.strip('[]')}]" if ":" in host else host,)
    return frozenset(name.lower() for name in (*LOOPBACK_NAMES, *own, *allowed))


def host_name(header: str) -> str:
    """The name in a Host header, in lower case, without its port."""
    name, bracket, _ = header.strip().lower().partition("]")
    return name + bracket if bracket else name.partition(":")[0].rstrip(".")
