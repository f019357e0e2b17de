# SPDX-License-Identifier: Apache-2.0

"""The shape of a metadata definition file, as Glance expects it.

``glance-manage db_load_metadefs`` stores most of a file unchecked. What is
wrong in it shows later: as an answer 500 for the whole namespace, as a text
that a database refuses, or never. The checks here are of the shape that the
loader (``glance/db/sqlalchemy/metadata.py``), the database columns and the
model of the API's answers (``glance/api/v2/model``) have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Union

# What the database has room for, in characters.
MAX_NAME_LENGTH = 80
MAX_OWNER_LENGTH = 255
# The limit of the schema by which clients validate a namespace.
MAX_DESCRIPTION_LENGTH = 500

PROPERTY_TYPES = ("array", "boolean", "integer", "number", "object", "string")

# Names of members and indexes of elements, from the document inwards.
Path = tuple[Union[str, int], ...]
# Where it is and which rule is broken.
Problem = tuple[Path, str]
_Check = Callable[[Any, Path], Iterator[Problem]]


def check(document: Any) -> Iterator[Problem]:
    """Find what is wrong in a file's decoded JSON, in its order."""
    yield from _DOCUMENT(document, ())


# The parts of the shape: each makes a check of one value at its path.


def _text(
    max_length: int | None = None, choices: tuple[str, ...] = ()
) -> _Check:
    def check_value(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield path, "must be a string"
        elif choices and value not in choices:
            yield path, f"must be one of {', '.join(choices)}"
        elif max_length is not None and len(value) > max_length:
            yield path, f"longer than {max_length} characters"

    return check_value


def _name(value: Any, path: Path) -> Iterator[Problem]:
    if value == "":
        yield path, "must not be empty"
    yield from _text(MAX_NAME_LENGTH)(value, path)


def _boolean(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield path, "must be true or false"


def _integer(value: Any, path: Path) -> Iterator[Problem]:
    # A fraction would be cut off without a word.
    if not isinstance(value, int) or isinstance(value, bool):
        yield path, "must be an integer"


def _length(value: Any, path: Path) -> Iterator[Problem]:
    problems = list(_integer(value, path))
    if not problems and value < 0:
        problems.append((path, "must not be negative"))
    yield from problems


def _default(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, (str, int, float)):
        yield path, "must be a string, a number, true or false"
    elif not str(value).isascii():
        yield path, "must be ASCII: Glance fails to answer with anything else"


def _array(item: _Check) -> _Check:
    def check_value(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield path, "must be an array"
            return
        for index, element in enumerate(value):
            yield from item(element, (*path, index))

    return check_value


def _array_of_named(item: _Check) -> _Check:
    """Check an array of objects: of two with one name Glance keeps one."""

    def check_value(value: Any, path: Path) -> Iterator[Problem]:
        yield from _array(item)(value, path)
        names: list[Any] = []
        for index, element in enumerate(
            value if isinstance(value, list) else ()
        ):
            if isinstance(element, dict) and "name" in element:
                if element["name"] in names:
                    yield (*path, index, "name"), "stands twice in this array"
                names.append(element["name"])

    return check_value


def _members(known: Mapping[str, _Check], required: tuple[str, ...]) -> _Check:
    """Check an object whose members are known by name."""

    def check_value(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield path, "must be an object"
            return
        for name in required:
            if name not in value:
                yield path, f"member {name!r} is missing"
        for name, member in value.items():
            if name in known:
                yield from known[name](member, (*path, name))
            else:
                yield (*path, name), "not a member that Glance knows"

    return check_value


def _named(item: _Check) -> _Check:
    """Check an object whose members' names are the author's."""

    def check_value(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield path, "must be an object"
            return
        for name, member in value.items():
            yield from _name(name, (*path, name))
            yield from item(member, (*path, name))

    return check_value


_TYPE = _text(choices=PROPERTY_TYPES)

_ITEMS: dict[str, _Check] = {"type": _TYPE, "enum": _array(_text())}

# The attributes of PropertyType: with any other one in the database, Glance
# answers 500 for the whole namespace.
PROPERTY_MEMBERS: dict[str, _Check] = {
    "name": _name,
    "type": _TYPE,
    "title": _text(),
    "description": _text(),
    "operators": _array(_text()),
    "default": _default,
    "readonly": _boolean,
    "minimum": _integer,
    "maximum": _integer,
    "enum": _array(_text()),
    "pattern": _text(),
    "minLength": _length,
    "maxLength": _length,
    "confidential": _boolean,
    "items": _members(_ITEMS, required=("type",)),
    "uniqueItems": _boolean,
    "minItems": _length,
    "maxItems": _length,
    "additionalItems": _boolean,
}

_PROPERTIES = _named(_members(PROPERTY_MEMBERS, required=("type", "title")))

_RESOURCE_TYPE: dict[str, _Check] = {
    "name": _name,
    "prefix": _text(MAX_NAME_LENGTH),
    "properties_target": _text(MAX_NAME_LENGTH),
}

# An object's own "required" is not among them: the loader drops it.
_OBJECT: dict[str, _Check] = {
    "name": _name,
    "description": _text(),
    "properties": _PROPERTIES,
}

_DOCUMENT = _members(
    {
        "namespace": _name,
        "display_name": _text(MAX_NAME_LENGTH),
        "description": _text(MAX_DESCRIPTION_LENGTH),
        "visibility": _text(choices=("public", "private")),
        "protected": _boolean,
        "owner": _text(MAX_OWNER_LENGTH),
        "resource_type_associations": _array_of_named(
            _members(_RESOURCE_TYPE, required=("name",))
        ),
        "properties": _PROPERTIES,
        "objects": _array_of_named(
            _members(_OBJECT, required=("name", "properties"))
        ),
        "tags": _array_of_named(_members({"name": _name}, required=("name",))),
    },
    required=("namespace",),
)
