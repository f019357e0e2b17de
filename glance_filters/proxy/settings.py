# SPDX-License-Identifier: Apache-2.0

"""What the proxy is told in its section of the paste file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib import parse


class SettingsError(Exception):
    """A setting is missing or wrong; the text names it."""


@dataclass(frozen=True)
class Settings:
    """The settings; all but the first have a default.

    :ivar upstream: the URL of the service, ``http`` or ``https``, without a
        slash at its end
    :ivar pool_size: how many idle connections are kept
    :ivar connect_timeout: how long the upstream may take to accept a
        connection, in seconds
    :ivar read_timeout: how long the upstream may send and take nothing, in
        seconds
    :ivar verify: whether the certificate of an ``https`` upstream is verified
    :ivar ca_file: the certification authorities to trust, in PEM; None for
        those that the machine trusts
    :ivar preserve_host: whether the upstream is sent the Host of the client,
        so that the links that it makes lead to the proxy
    """

    upstream: str
    pool_size: int = 128
    connect_timeout: float = 5.0
    read_timeout: float = 300.0
    verify: bool = True
    ca_file: str | None = None
    preserve_host: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "upstream", _url(self.upstream))
        for name in ("pool_size", "connect_timeout", "read_timeout"):
            if not 0 < getattr(self, name) < 1e6:
                raise SettingsError(f"{name} must be above 0")


def _url(text: str) -> str:
    """Return the URL of an upstream in one form.

    :raises SettingsError: if it is none
    """
    wrong = SettingsError(
        f"upstream must be http://HOST[:PORT][/PATH] or https://..., "
        f"not {text!r}"
    )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong
    try:
        parts = parse.urlsplit(text)
        port = parts.port
        # Else each request would fail at the name.
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise wrong from error
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or "@" in parts.netloc
        or ("%" in parts.netloc and "[" not in parts.netloc)
        or "?" in text
        or "#" in text
    ):
        raise wrong
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _boolean(text: str) -> bool:
    # What reads a section has paste.deploy; a command need not.
    from paste.deploy import converters

    return bool(converters.asbool(text))


_CONVERTERS: Mapping[str, Callable[[str], Any]] = {
    "pool_size": int,
    "connect_timeout": float,
    "read_timeout": float,
    "verify": _boolean,
    "preserve_host": _boolean,
}


def read(section: Mapping[str, str]) -> Settings:
    """Return the settings of a section of the paste file.

    :param section: its keys, all of them text
    :raises SettingsError: if a key is unknown, missing or wrong
    """
    known = [field.name for field in dataclasses.fields(Settings)]
    for key in section:
        if key not in known:
            raise SettingsError(
                f"unknown key {key!r}; known keys: {', '.join(known)}"
            )
    if "upstream" not in section:
        raise SettingsError("upstream is missing")
    values = {}
    for key, text in section.items():
        try:
            values[key] = _CONVERTERS.get(key, str)(text)
        except ValueError as error:
            raise SettingsError(f"{key} = {text}: {error}") from error
    return Settings(**values)
