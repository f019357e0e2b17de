# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions laid over answers of the Metadata Definitions API.

What a core says stays as it is, in its order; what it lacks comes after it.
A document that is not of the shape Glance answers with, or that lacks
nothing, is returned as the same object, so that a caller can tell with
``is`` whether there is anything to send anew. No argument is changed.
"""

from __future__ import annotations

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
    :param resource_type: that of the request's query; with it the names of
        the properties in the answer carry the prefix by which the core
        associates the namespace with that type
    """
    if (
        not isinstance(document, dict)
        or document.get("namespace") != definition.name
    ):
        return document
    # A namespace without a property has no such member.
    core = document.get("properties", {})
    prefix = _prefix(document, resource_type)
    merged = _merge_named(core, definition, prefix)
    return document if merged is core else {**document, "properties": merged}


def merge_properties(document: Any, definition: files.Namespace) -> Any:
    """Add to an answer of GET /v2/metadefs/namespaces/NAMESPACE/properties.

    The names in it carry no prefix, whatever the query says.
    """
    if not isinstance(document, dict):
        return document
    core = document.get("properties")
    merged = _merge_named(core, definition, prefix="")
    return document if merged is core else {**document, "properties": merged}


def merge_property(document: Any, definition: files.Namespace) -> Any:
    """Add to an answer of GET .../NAMESPACE/properties/PROPERTY.

    The name in the answer carries no prefix, even where that in the
    request's path has to.
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
    """Answer GET .../NAMESPACE/properties/PROPERTY for a core that cannot.

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

    :param name: as the path of GET .../NAMESPACE/properties/PROPERTY has it
    :param document: the core's answer about the namespace, without a query
    :param resource_type: that of the request's query; with it the core finds
        no property without the prefix, nor any if there is none
    :returns: an empty text, which names none, if the core would find none
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


def _merge_named(core: Any, definition: files.Namespace, prefix: str) -> Any:
    if not isinstance(core, dict):
        return core
    merged = dict(core)
    changed = False
    for name, ours in definition.properties.items():
        name = prefix + name
        if name in core:
            merged[name] = _merge_property(core[name], ours)
            changed = changed or merged[name] is not core[name]
        else:
            merged[name] = _render(ours)
            changed = True
    return merged if changed else core


def _merge_property(core: Any, ours: Mapping[str, Any]) -> Any:
    # An enumeration of one type has no place in a property of another.
    if not isinstance(core, dict) or core.get("type") != ours["type"]:
        return core
    merged = _merge_enum(core, ours)
    items = core.get("items")
    if isinstance(items, dict) and "items" in ours:
        merged_items = items
        if items.get("type") == ours["items"]["type"]:
            merged_items = _merge_enum(items, ours["items"])
        if merged_items is not items:
            merged = {**merged, "items": merged_items}
    return merged


def _merge_enum(core: dict[str, Any], ours: Mapping[str, Any]) -> Any:
    members = core.get("enum")
    # Without an enumeration any value is allowed: one of ours would forbid.
    if not isinstance(members, list):
        return core
    lacking = [name for name in ours.get("enum", ()) if name not in members]
    return {**core, "enum": members + lacking} if lacking else core


def _render(ours: Mapping[str, Any]) -> dict[str, Any]:
    rendered: dict[str, Any] = _thaw(ours)
    # Glance answers with a text, whatever a default's type was.
    if "default" in rendered:
        rendered["default"] = str(rendered["default"])
    return rendered


def _thaw(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _thaw(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_thaw(element) for element in value]
    return value
