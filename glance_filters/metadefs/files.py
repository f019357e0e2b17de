# SPDX-License-Identifier: Apache-2.0

"""Read a folder of metadata definition files, strictly."""

from __future__ import annotations

import codecs
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from glance_filters.metadefs import schema

_BYTE_ORDER_MARKS = (
    codecs.BOM_UTF8,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
)
_MEMBER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One mistake in a metadata definition file.

    :param file: the file's path, or the folder's if it holds no file
    :param path: the place in it, as a JSONPath (RFC 9535), ``$`` for the
        whole document
    :param message: the rule that is broken
    """

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The part of a namespace's definition that is added to answers.

    :param name: for example ``OS::Compute::Hypervisor``
    :param properties: from a property's name, without the prefix of any
        resource type, to its definition, in the order of the file
    """

    name: str
    properties: Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Metadefs:
    """The content of a folder of metadata definition files.

    :param namespaces: by name; only from files without a finding
    :param findings: in the order of the files' names
    """

    namespaces: Mapping[str, Namespace]
    findings: tuple[Finding, ...]


def read_folder(folder: str | os.PathLike[str]) -> Metadefs:
    """Read the ``*.json`` files that lie directly in a folder.

    :raises OSError: if the folder or one of the files cannot be read
    """
    files = sorted(
        file
        for file in pathlib.Path(folder).iterdir()
        if file.name.endswith(".json") and file.is_file()
    )
    namespaces: dict[str, Namespace] = {}
    origins: dict[str, str] = {}
    findings: list[Finding] = []
    if not files:
        findings.append(Finding(str(folder), "$", "contains no *.json file"))
    for file in files:
        document, problems = _read_file(file)
        if not problems:
            namespace = Namespace(
                document["namespace"], document.get("properties", {})
            )
            # The loader reads files in no particular order, so which of two
            # definitions wins would be left to chance.
            first = origins.setdefault(namespace.name, file.name)
            if first == file.name:
                namespaces[namespace.name] = namespace
            else:
                problems.append((("namespace",), f"also defined in {first}"))
        findings.extend(
            Finding(str(file), _json_path(path), message)
            for path, message in problems
        )
    return Metadefs(namespaces, tuple(findings))


def _read_file(file: pathlib.Path) -> tuple[Any, list[schema.Problem]]:
    content = file.read_bytes()
    if content.startswith(_BYTE_ORDER_MARKS):
        return None, [
            ((), "begins with a byte order mark: save it as UTF-8 without one")
        ]
    try:
        # glance-manage reads text: it does not guess the encoding, as
        # json.loads does from bytes.
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique_members
        )
        return document, list(schema.check(document))
    except UnicodeDecodeError as error:
        return None, [((), f"not UTF-8: {error}")]
    except ValueError as error:
        return None, [((), f"not readable as JSON: {error}")]
    except RecursionError:
        return None, [((), "nested too deeply")]


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"member {twice!r} occurs twice in one object")
    return members


def _json_path(path: schema.Path) -> str:
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _MEMBER_NAME.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text
