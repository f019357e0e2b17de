# SPDX-License-Identifier: Apache-2.0

"""Header fields that pass a proxy, as RFC 9110 (section 7) has it.

Pure functions: from text to text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Fields = list[tuple[str, str]]

# Names this software in Via, and no host: who is behind is nobody's business.
PSEUDONYM = "glance-filters"

# RFC 9110, 7.6.1; those of authentication are for the next hop too (11.7).
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 9110, 5.5, with obs-text; a tab is white space.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Within 64 bits, and no sign or script that int() would take too.
_LENGTH = re.compile(r"[0-9]{1,18}")
_FOLD = re.compile(r"\r?\n[ \t]+")


def is_token(text: str) -> bool:
    """Return whether *text* can be a method or the name of a field."""
    return _TOKEN.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Return whether *text* can be the value of a field."""
    return _VALUE.fullmatch(text) is not None


def is_length(text: str) -> bool:
    """Return whether *text* can be the value of Content-Length."""
    return _LENGTH.fullmatch(text) is not None


def unfold(text: str) -> str:
    """Return a value without the line breaks of old (RFC 9112, 5.2)."""
    return _FOLD.sub(" ", text)


def connection_options(value: str) -> frozenset[str]:
    """Return the names in a Connection field, in lower case."""
    return frozenset(
        name for each in value.split(",") if (name := each.strip().lower())
    )


def via(received: str | None, version: str) -> str:
    """Return the Via field to send on (RFC 9110, 7.6.3).

    :param received: the field as it came, if there is one
    :param version: the version of HTTP that the message came by
    """
    return appended(received, f"{version} {PSEUDONYM}")


def appended(received: str | None, element: str) -> str:
    """Return a list field with one more element at its end."""
    return f"{received}, {element}" if received else element


def forwarded(address: str, host: str, scheme: str) -> str:
    """Return one element of Forwarded (RFC 7239, section 4).

    :param address: the client's IP address; empty if there is none
    :param host: the Host field of the request
    :param scheme: the scheme that it came by
    """
    node = f'"[{address}]"' if ":" in address else address or "unknown"
    return f'for={node};host="{host}";proto={scheme}'


def led_back(url: str, bases: Iterable[str], own: str) -> str:
    """Return the URL of a redirect so that it leads to the proxy again.

    :param url: what the upstream says
    :param bases: URLs by which it may call itself, without a slash at the
        end
    :param own: the URL by which the client knows the proxy
    """
    for base in bases:
        rest = url[len(base) :]
        is_below = url.lower().startswith(base.lower())
        if is_below and rest[:1] in ("", "/", "?", "#"):
            return own + rest
    return url
