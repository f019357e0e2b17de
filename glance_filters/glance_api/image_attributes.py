# SPDX-License-Identifier: Apache-2.0

"""Names that belong to Glance's image object and are no properties.

Glance applies a patch to an object that stands for the image: where the
object has an attribute of the name that an operation gives, the attribute is
set, else a custom property. So a patch can reach what it was never meant to:
with ``image_id`` it is saved over another image.
"""

from __future__ import annotations

# Attributes of that object, in any release since Newton, that are not image
# properties. Which of them a release has depends on its layers of proxies
# (authorization, notification, property protection).
ATTRIBUTES = frozenset(
    (
        "base",
        "context",
        "deactivate",
        "delete",
        "extra_properties",
        "get_data",
        "get_payload",
        "get_super_class",
        "helper",
        "image",
        "image_id",
        "member",
        "notifier",
        "property_rules",
        "reactivate",
        "repo",
        "resource_name",
        "send_notification",
        "set_data",
        "_abc_impl",
        "_format_image_send",
        "_format_import_properties",
        "_get_chunk_data_iterator",
    )
)


def is_attribute(name: str) -> bool:
    """Tell whether a patch of *name* would change the object itself.

    :param name: the first token of an operation's pointer
    """
    return name in ATTRIBUTES or name.startswith("__")
