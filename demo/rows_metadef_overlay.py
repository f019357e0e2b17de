# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions that are offered to clients, for metadef_overlay."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

from demo import examples
from demo.rows import GlanceSide, Row, Section, Side, describe_status
from glance_filters.tests.fixtures import auth
from glance_filters.tests.fixtures import newton_metadefs as newton

NAMESPACES = "/v2/metadefs/namespaces"
SPACE = f"{NAMESPACES}/{newton.NAMESPACE}"
_TYPES = f"{SPACE}/properties/hypervisor_type"
# As Glance installs it, for glance-manage.
_GLANCE_FILE = "etc/glance/metadefs/compute-hypervisor.json"


def _prepare(side: Side) -> None:
    """Load the definitions that the installed Glance comes with.

    The stub of Newton has its own.
    """
    if side.client(auth.MEMBER).request("GET", SPACE).status == 200:
        return
    file = Path(sysconfig.get_path("data")) / _GLANCE_FILE
    document = json.loads(file.read_text(encoding="utf-8"))
    answer = side.client(auth.ADMIN).send_json("POST", NAMESPACES, document)
    if answer.status != 201:
        raise RuntimeError(f"no namespace: {answer}")


def _types(name: str, filtered: int) -> Row:
    """Return a row about the hypervisor types that a client may choose.

    :param name: a type that is looked for among them
    :param filtered: how many types there are with the filters
    """

    def observe(side: Side) -> str:
        _prepare(side)
        answer = side.client(auth.MEMBER).request("GET", _TYPES)
        types = answer.json["enum"]
        found = f"among them {name}" if name in types else f"no {name}"
        return f"{describe_status(answer.status)}\n{len(types)} types, {found}"

    return Row(
        "GET .../HYPERVISOR/properties/hypervisor_type",
        observe,
        f"200 OK\n{filtered} types, among them {name}",
        in_readme=True,
    )


def _properties(side: Side) -> str:
    _prepare(side)
    answer = side.client(auth.MEMBER).request("GET", SPACE)
    names = sorted(answer.json["properties"])
    return "\n".join([describe_status(answer.status), *names])


def _status_of(path: str) -> Row:
    def observe(side: Side) -> str:
        _prepare(side)
        answer = side.client(auth.MEMBER).request("GET", path)
        return describe_status(answer.status)

    wanted = 200 if path.startswith(SPACE) else 404
    asked = path.replace(newton.NAMESPACE, "HYPERVISOR").replace(
        NAMESPACES, "..."
    )
    return Row(f"GET {asked}", observe, describe_status(wanted))


_ROWS = (
    Row(
        "GET .../HYPERVISOR",
        _properties,
        "200 OK\nhypervisor_type\nhypervisor_version_requires\nvm_mode",
    ),
    _status_of(f"{SPACE}/properties/hypervisor_version_requires"),
    _status_of(f"{NAMESPACES}/OS::Compute::None"),
)

SECTION = Section(
    title=(
        "metadef_overlay: metadata definitions\n"
        f"(HYPERVISOR is {newton.NAMESPACE})"
    ),
    rows=(_types("bhyve", 23), *_ROWS),
    legacy_rows=(_types("vz", 22), *_ROWS),
)


def _show(side: GlanceSide) -> examples.Observation:
    _prepare(side)
    request = examples.Request("GET", _TYPES, {})
    answer = request.send(side.client(auth.MEMBER))
    return examples.Observation(request, answer)


EXAMPLE = examples.Example(
    "The hypervisor types that an image may ask for (the description is "
    "shortened)",
    _show,
)
