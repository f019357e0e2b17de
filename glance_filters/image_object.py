# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Names that belong to the core's image object and are no properties.

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
