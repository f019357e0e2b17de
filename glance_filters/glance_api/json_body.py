# SPDX-License-Identifier: Apache-2.0

"""The JSON document in a request body, read exactly as Glance reads it."""

from __future__ import annotations

import json
from typing import Any

from glance_filters import errors


class NotADocument(Exception):
    """Glance would refuse this text as malformed."""


def load(body: bytes) -> dict[str, Any] | list[Any]:
    """Return the JSON document of a request body.

    :param body: the octets, which Glance takes for strict UTF-8
    :raises NotADocument: if Glance could not read it or it is neither an
        object nor an array
    :raises BodyUnreadable: if it is nested too deeply to be read
    """
    try:
        document = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise NotADocument(str(error)) from error
    except RecursionError as error:
        # Glance would fail in the same way, but this cannot be relied on:
        # how deep it can read depends on its own stack.
        raise errors.BodyUnreadable("it is nested too deeply") from error
    if not isinstance(document, (dict, list)):
        raise NotADocument("neither an object nor an array")
    return document
