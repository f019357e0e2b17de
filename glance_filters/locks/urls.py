# SPDX-License-Identifier: Apache-2.0

"""URLs of lock servers, and what may be told of them and of their errors."""

from __future__ import annotations

import urllib.parse

_HIDDEN = "***"

# What the keys of a query have in common whose values are secret.
_SECRET_KEY = "pass"  # noqa: S105


class ServerUrl:
    """The URL of a lock server.

    :raises ValueError: it is no URL; the text of the error holds none of it
    """

    def __init__(self, url: str) -> None:
        try:
            split = urllib.parse.urlsplit(url)
            # Raises, with a part of the password if that has a slash.
            _ = split.port
        except ValueError:
            raise ValueError(
                "it is no URL, or has a port that is no number; special "
                "characters in a password must be percent-encoded"
            ) from None
        self.scheme = split.scheme
        self.query = urllib.parse.parse_qs(split.query)
        given = [split.password or ""]
        for key, values in self.query.items():
            if _SECRET_KEY in key.lower():
                given += values
        self._secrets = {
            spelling
            for secret in given
            for spelling in (secret, urllib.parse.unquote(secret))
            if spelling
        }

    def describe(self, error: BaseException) -> str:
        """Return why *error* was raised, without the secrets of the URL.

        :returns: the text of the error, or of the first of its causes that
            has one; the name of its class if none has
        """
        cause: BaseException | None = error
        while cause is not None:
            # Of SQLAlchemy: without the statement. Of etcd3gw: the only text.
            cause = getattr(cause, "orig", None) or cause
            text = str(cause) or getattr(cause, "detail_text", None) or ""
            if text:
                return self._redact(" ".join(text.split()))
            cause = cause.__cause__ or cause.__context__
        return type(error).__name__

    def _redact(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text
