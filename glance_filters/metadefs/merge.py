# SPDX-License-Identifier: Apache-2.0

"""Merge metadata definitions into answers of the Metadata Definitions API.

What Glance answers stays as it is and in its order; what it lacks is
appended. A document that lacks nothing, or that does not have the shape of
Glance's answers, is returned as the same object: a caller checks with ``is``
whether the answer has changed. No argument is modified.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from glance_filters.metadefs import files


def merge_namespace(
    document: Any,
    definition: files.Namespace,
    resource_type: str | None = None,
) -> Any:
    """Add to an answer of GET /v2/metadefs/namespaces/NAMESPACE.

    :param document: the answer's decoded JSON
    :param resource_type: that of the request's query; with it, the names of
        the properties in the answer have the prefix of that resource type
    """
    if (
        not isinstance(document, dict)
        or document.get("namespace") != definition.name
    ):
        return document
    # A namespace without a property has no such member.
    theirs = document.get("properties", {})
    prefix = _prefix(document, resource_type)
    merged = _merge_named(theirs, definition, prefix)
    return document if merged is theirs else {**document, "properties": merged}


def merge_properties(document: Any, definition: files.Namespace) -> Any:
    """Add to an answer of GET /v2/metadefs/namespaces/NAMESPACE/properties.

    The names in it have no prefix, whatever the query says.
    """
    if not isinstance(document, dict):
        return document
    theirs = document.get("properties")
    merged = _merge_named(theirs, definition, prefix="")
    return document if merged is theirs else {**document, "properties": merged}


def merge_property(document: Any, definition: files.Namespace) -> Any:
    """Add to an answer of GET .../NAMESPACE/properties/PROPERTY.

    The name in the answer has no prefix, even if the name in the request's
    path must have one.
    """
    if not isinstance(document, dict):
        return document
    name = document.get("name")
    if not isinstance(name, str) or name not in definition.properties:
        return document
    return _merge_property(document, definition.properties[name])


def property_document(
    definition: files.Namespace, name: str
) -> dict[str, Any] | None:
    """Return the answer to GET .../NAMESPACE/properties/PROPERTY.

    :param name: without the prefix of a resource type
    :returns: a document as Glance would make it, None if the definition has
        no such property
    """
    if name not in definition.properties:
        return None
    return {**_render(definition.properties[name]), "name": name}


def bare_name(
    name: str, document: Any, resource_type: str | None = None
) -> str:
    """Return a property's name without the prefix of a resource type.

    :param name: as in the path of GET .../NAMESPACE/properties/PROPERTY
    :param document: Glance's answer about the namespace, without a query
    :param resource_type: that of the request's query; with it, Glance finds
        only properties with the prefix, and none if there is no prefix
    :returns: an empty text, which is no property's name, if Glance would
        find none
    """
    if resource_type is None:
        return name
    prefix = _prefix(document, resource_type)
    return name[len(prefix) :] if prefix and name.startswith(prefix) else ""


def _prefix(document: dict[str, Any], resource_type: str | None) -> str:
    associations = document.get("resource_type_associations")
    if resource_type is None or not isinstance(associations, list):
        return ""
    for association in associations:
        if (
            isinstance(association, dict)
            and association.get("name") == resource_type
        ):
            prefix = association.get("prefix")
            return prefix if isinstance(prefix, str) else ""
    return ""


def _merge_named(theirs: Any, definition: files.Namespace, prefix: str) -> Any:
    if not isinstance(theirs, dict):
        return theirs
    merged = dict(theirs)
    changed = False
    for name, ours in definition.properties.items():
        name = prefix + name
        if name in theirs:
            merged[name] = _merge_property(theirs[name], ours)
            changed = changed or merged[name] is not theirs[name]
        else:
            merged[name] = _render(ours)
            changed = True
    return merged if changed else theirs


def _merge_property(theirs: Any, ours: Mapping[str, Any]) -> Any:
    # Values of one type are not added to a property of another type.
    if not isinstance(theirs, dict) or theirs.get("type") != ours["type"]:
        return theirs
    merged = _merge_enum(theirs, ours)
    items = theirs.get("items")
    if isinstance(items, dict) and "items" in ours:
        merged_items = items
        if items.get("type") == ours["items"]["type"]:
            merged_items = _merge_enum(items, ours["items"])
        if merged_items is not items:
            merged = {**merged, "items": merged_items}
    return merged


def _merge_enum(theirs: dict[str, Any], ours: Mapping[str, Any]) -> Any:
    members = theirs.get("enum")
    # Without an enumeration any value is allowed: adding one would forbid
    # the others.
    if not isinstance(members, list):
        return theirs
    lacking = [name for name in ours.get("enum", ()) if name not in members]
    return {**theirs, "enum": members + lacking} if lacking else theirs


def _render(ours: Mapping[str, Any]) -> dict[str, Any]:
    rendered = copy.deepcopy(dict(ours))
    # Glance answers with a string, whatever the type of the default was.
    if "default" in rendered:
        rendered["default"] = str(rendered["default"])
    return rendered
