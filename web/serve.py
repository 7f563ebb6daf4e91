"""`spinecode serve`: what is wrong with the options is said first, then workers are started, then the door is opened."""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvicorn

from ..coding.errors import InputError
from ..pipelines.batch.workers import usable_cpus
from ..pipelines.release import load
from .app import create_app
from .settings import Limits, Settings, checked_hosts, is_loopback
from .tokens import Tokens, read_tokens
from .workers import Workers

_LONGEST_FOLDER = 70
"""Workers are started through a socket below the temporary folder; the system allows its path some 100 bytes."""


def serve(
    host: str,
    port: int,
    *,
    allowed: list[str],
    tokens: str | None,
    insecure: bool,
    certificate: str | None,
    key: str | None,
    workers: int | None,
    seconds: float,
    release_file: str | None,
    say: Callable[[str], None],
) -> None:
    """Serve until interrupted.

    Raises:
        InputError: an option or the temporary folder cannot be used, or the address is taken.
        ReleaseError: the release file cannot be used.
    """
    known = read_tokens(tokens) if tokens else Tokens()
    names = checked_hosts(host, allowed, known, insecure=insecure)
    _check_numbers(workers, seconds)
    _check_files(certificate, key)
    _check_temporary_folder()
    if release_file:
        load(release_file)  # refused here, in one line, and not in a worker
    door = _door(host, port)
    limits = Limits(seconds=seconds)
    settings = Settings(host, door.getsockname()[1], names, known, certificate is not None, limits)
    crew = Workers(workers or usable_cpus(), limits.seconds, limits.waiting, release_file)
    _log_to_stderr()
    say("reading the rules …")
    crew.start()
    try:
        say(f"open {_address(settings)} (Ctrl-C ends it)")
        if not is_loopback(host) and not certificate:
            say("without --certificate notes travel readable: put a proxy with TLS before it (docs/serve.md)")
        uvicorn.Server(_config(create_app(settings, crew), certificate, key)).run(sockets=[door])
    finally:
        crew.stop()


def _check_numbers(workers: int | None, seconds: float) -> None:
    if workers is not None and not 1 <= workers <= 256:
        raise InputError(f"--workers {workers}: a number from 1 to 256 is needed")
    if not 0 < seconds <= 600:
        raise InputError(f"--note-timeout {seconds:g}: more than 0 and at most 600 seconds are possible")


def _check_files(certificate: str | None, key: str | None) -> None:
    if (certificate is None) != (key is None):
        raise InputError("--certificate and --key: give both")
    for option, path in (("--certificate", certificate), ("--key", key)):
        if path is not None and not Path(path).is_file():
            raise InputError(f"{option} {path}: no such file")


def _check_temporary_folder() -> None:
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) > _LONGEST_FOLDER:
        raise InputError(
            f"TMPDIR {folder}: the path is too long for the sockets of the workers (at most {_LONGEST_FOLDER} bytes):"
            " set TMPDIR to a shorter one"
        )


def _door(host: str, port: int) -> socket.socket:
    """The listening socket, opened before anything slow is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host.strip("[]"), port), family=family, backlog=512)
        # Connections inherit it. asyncio sets it only on sockets that it opened: each answer would wait 40 ms.
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return door
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: cannot listen there: {reason}") from None


def _config(app: object, certificate: str | None, key: str | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        log_level="warning",
        access_log=False,  # it would hold addresses and query strings; ours is made in `guard`
        server_header=False,
        proxy_headers=False,
        limit_concurrency=1000,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        lifespan="off",
        ws="none",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("spinecode.web")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def _address(settings: Settings) -> str:
    scheme = "https" if settings.secure else "http"
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{settings.port}"
