# SPDX-License-Identifier: Apache-2.0

"""The shape of a metadata definition file, as Glance expects it.

``glance-manage db_load_metadefs`` stores most of a file unchecked. A mistake
shows later: as an answer 500 for the whole namespace, as a text that the
database refuses, or never. The schema has the shape that the loader
(``glance/db/sqlalchemy/metadata.py``), the database columns and the model of
the API's answers (``glance/api/v2/model``) have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union

import jsonschema

# Names of members and indexes of elements, from the document inwards.
Path = tuple[Union[str, int], ...]
# Where it is and which rule is broken.
Problem = tuple[Path, str]

API_ANSWER = (
    "an answer of the API, not a definition file: remove the members self, "
    "schema, created_at and updated_at of the namespace and of each object, "
    "tag and resource type, and the member required of each object"
)
# By keyword of JSON Schema; {} is the keyword's value.
_MESSAGES = {
    "type": "must be of type {}",
    "enum": "must be {}",
    "minLength": "must not be empty",
    "maxLength": "longer than {} characters",
    "minimum": "must not be negative",
    "pattern": "must be ASCII: Glance fails to answer with anything else",
    "not": "not a member that Glance knows",
}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": {"not": {}},
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    # "uniqueNames" is a keyword of this module: of two elements with one
    # name Glance keeps one.
    return {"type": "array", "items": items, "uniqueNames": True}


_TEXT = {"type": "string"}
# As long as the database has room for.
_NAME = {"type": "string", "minLength": 1, "maxLength": 80}
# glance-manage reads null as if the member were absent.
_OPTIONAL = {"type": ["string", "null"]}
_OPTIONAL_NAME = {**_OPTIONAL, "maxLength": 80}
_BOOLEAN = {"type": "boolean"}
_INTEGER = {"type": "integer"}
_LENGTH = {"type": "integer", "minimum": 0}
_TYPES = ["array", "boolean", "integer", "number", "object", "string"]
_VALUES = {"type": {"enum": _TYPES}, "enum": _array(_TEXT)}

# The attributes of PropertyType: with any other one in the database, Glance
# answers 500 for the whole namespace.
PROPERTY_MEMBERS: dict[str, Any] = {
    "name": _NAME,
    "default": {
        "type": ["string", "number", "boolean"],
        "pattern": r"\A[\x00-\x7f]*\Z",
    },
    "operators": _array(_TEXT),
    "items": _object("type", **_VALUES),
    **_VALUES,
    **dict.fromkeys(("title", "description", "pattern"), _TEXT),
    **dict.fromkeys(("minimum", "maximum"), _INTEGER),
    **dict.fromkeys(("minLength", "maxLength"), _LENGTH),
    **dict.fromkeys(("minItems", "maxItems"), _LENGTH),
    **dict.fromkeys(("readonly", "confidential"), _BOOLEAN),
    **dict.fromkeys(("uniqueItems", "additionalItems"), _BOOLEAN),
}
_PROPERTIES = {
    "type": "object",
    "propertyNames": _NAME,
    "additionalProperties": _object("type title", **PROPERTY_MEMBERS),
}
_RESOURCE_TYPE = _object(
    "name",
    name=_NAME,
    prefix=_OPTIONAL_NAME,
    properties_target=_OPTIONAL_NAME,
)
# An object's own "required" is not among them: the loader drops it.
_OBJECT = _object(
    "name properties",
    name=_NAME,
    description=_OPTIONAL,
    properties=_PROPERTIES,
)
_DOCUMENT = _object(
    "namespace",
    namespace=_NAME,
    display_name=_OPTIONAL_NAME,
    # The limit of the schema by which clients validate a namespace.
    description={**_OPTIONAL, "maxLength": 500},
    visibility={"enum": ["public", "private", None]},
    protected={"type": ["boolean", "null"]},
    owner={"type": "string", "maxLength": 255},
    resource_type_associations=_array(_RESOURCE_TYPE),
    properties=_PROPERTIES,
    objects=_array(_OBJECT),
    tags=_array(_object("name", name=_NAME)),
)


def _unique_names(
    validator: Any, value: bool, instance: Any, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    names: set[str] = set()
    elements = instance if isinstance(instance, list) else []
    for index, element in enumerate(elements):
        name = element.get("name") if isinstance(element, dict) else None
        if isinstance(name, str):
            if name in names:
                message = "occurs twice in this array"
                yield jsonschema.ValidationError(message, path=(index, "name"))
            names.add(name)


_VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft7Validator,
    {"uniqueNames": _unique_names},
    # To Draft 4, 1.0 is no integer: Glance would cut a fraction off.
    type_checker=jsonschema.Draft4Validator.TYPE_CHECKER,
)(_DOCUMENT)


def check(document: Any) -> Iterator[Problem]:
    """Find what is wrong in a file's decoded JSON."""
    if isinstance(document, dict) and {"self", "schema"} <= document.keys():
        yield (), API_ANSWER
        return
    for error in _VALIDATOR.iter_errors(document):
        path = tuple(error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            path += (error.instance,)
        value = error.validator_value
        if isinstance(value, list):
            value = " or ".join(each or "null" for each in value)
        message = _MESSAGES.get(error.validator)
        yield path, message.format(value) if message else error.message
