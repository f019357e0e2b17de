# SPDX-License-Identifier: Apache-2.0

"""The calls of the Images API that the filters know, one constant each.

A path is the one below ``/v2``, as Glance's own router spells it. To make a
filter act on another call, add its constant here and name it in the filter's
``api_calls``.
"""

from __future__ import annotations

from dataclasses import dataclass

# Any request method.
ANY_METHOD = "*"


@dataclass(frozen=True)
class ApiCall:
    """A call of the Images API, version 2 if not said otherwise.

    :ivar action: its name in logs and counters
    :ivar method: the request method, or :data:`ANY_METHOD`
    :ivar path: the path below ``/v2``, with ``{name}`` for each variable
    """

    action: str
    method: str
    path: str


CREATE_IMAGE = ApiCall("create_image", "POST", "/images")
CREATE_TASK = ApiCall("create_task", "POST", "/tasks")
UPDATE_IMAGE = ApiCall("update_image", "PATCH", "/images/{image_id}")
DELETE_IMAGE = ApiCall("delete_image", "DELETE", "/images/{image_id}")
IMPORT_IMAGE = ApiCall("import_image", "POST", "/images/{image_id}/import")
DEACTIVATE_IMAGE = ApiCall(
    "deactivate_image", "POST", "/images/{image_id}/actions/deactivate"
)
REACTIVATE_IMAGE = ApiCall(
    "reactivate_image", "POST", "/images/{image_id}/actions/reactivate"
)
ADD_TAG = ApiCall("add_tag", "PUT", "/images/{image_id}/tags/{tag_value}")
DELETE_TAG = ApiCall(
    "delete_tag", "DELETE", "/images/{image_id}/tags/{tag_value}"
)
ADD_LOCATION = ApiCall("add_location", "POST", "/images/{image_id}/locations")
DELETE_FROM_STORE = ApiCall(
    "delete_from_store", "DELETE", "/stores/{store_id}/{image_id}"
)
DOWNLOAD_IMAGE = ApiCall("download_image", "GET", "/images/{image_id}/file")
HEAD_DOWNLOAD = ApiCall("head_download", "HEAD", "/images/{image_id}/file")
UPLOAD_IMAGE = ApiCall("upload_image", "PUT", "/images/{image_id}/file")
STAGE_IMAGE = ApiCall("stage_image", "PUT", "/images/{image_id}/stage")
SHOW_IMAGE_SCHEMA = ApiCall("show_image_schema", "GET", "/schemas/image")
SHOW_IMAGES_SCHEMA = ApiCall("show_images_schema", "GET", "/schemas/images")
SHOW_NAMESPACE = ApiCall(
    "show_namespace", "GET", "/metadefs/namespaces/{namespace}"
)
LIST_PROPERTIES = ApiCall(
    "list_properties", "GET", "/metadefs/namespaces/{namespace}/properties"
)
SHOW_PROPERTY = ApiCall(
    "show_property",
    "GET",
    "/metadefs/namespaces/{namespace}/properties/{property_name}",
)

# The versions document, at "/" or "/versions", outside version 2.
SHOW_VERSIONS = ApiCall("show_versions", ANY_METHOD, "/versions")
# Any call whose path begins with a minor version, /v2.N.
CALL_OF_MINOR_VERSION = ApiCall("call_of_minor_version", ANY_METHOD, "/v2.")
