# SPDX-License-Identifier: Apache-2.0

"""Whether a user may change an image, so that a stranger cannot lock it.

Glance reads a patch before it looks at whose the image is, and a long one
takes seconds. The lock of a public image must not be held for that.
"""

from __future__ import annotations

import json
import uuid

from glance_filters.glance_api import images, json_patch, subrequest
from glance_filters.glance_api.request import Request


def is_own(request: Request, image: images.Image) -> bool:
    """Return True if the user owns the image, or is an administrator.

    It goes by the identity that the filters in front have established. Where
    there is none, as in front of a foreign Glance, a client that pretends
    only gets to wait for the lock.
    """
    environ = request.environ
    project = environ.get("HTTP_X_PROJECT_ID") or environ.get(
        "HTTP_X_TENANT_ID"
    )
    roles = environ.get("HTTP_X_ROLES") or ""
    return image.owner == project or "admin" in [
        role.strip().lower() for role in roles.split(",")
    ]


def may_modify(request: Request, image: images.Image) -> bool:
    """Ask Glance whether the user may patch the image.

    The question is a patch that Glance cannot carry out, as it ends with a
    property that does not exist: 409 says that the user was allowed what
    comes before it. Nothing is saved.

    :returns: False only if Glance refuses
    """
    name = {"op": "replace", "path": "/name", "value": image.name or ""}
    none = {"op": "replace", "path": f"/{uuid.uuid4().hex}", "value": ""}
    try:
        answer = request.subrequest(
            request.match.image_path(),
            method="PATCH",
            content_type=json_patch.MEDIA_TYPE_2_1,
            body=json.dumps([name, none]).encode(),
        )
    except subrequest.NoResponse:
        return True
    return answer.status not in (401, 403, 404)
