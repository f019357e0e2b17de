# SPDX-License-Identifier: Apache-2.0

"""What clients are offered by metadata definitions."""

from __future__ import annotations

from demo.rows import Row, Section, Side, describe_status
from glance_filters.tests.fixtures import auth
from glance_filters.tests.fixtures import newton_metadefs as newton

NAMESPACES = "/v2/metadefs/namespaces"
SPACE = f"{NAMESPACES}/{newton.NAMESPACE}"


def _prepare(side: Side) -> None:
    """Give a core that has no definitions those of an old database."""
    if side.client(auth.MEMBER).request("GET", SPACE).status == 200:
        return
    document = {
        "namespace": newton.NAMESPACE,
        "visibility": "public",
        "properties": newton.PROPERTIES,
    }
    answer = side.client(auth.ADMIN).send_json("POST", NAMESPACES, document)
    if answer.status != 201:
        raise RuntimeError(f"no namespace: {answer}")


def _types(side: Side) -> str:
    _prepare(side)
    path = f"{SPACE}/properties/hypervisor_type"
    answer = side.client(auth.MEMBER).request("GET", path)
    types = answer.json["enum"]
    vz = "among them vz" if "vz" in types else "no vz"
    return f"{describe_status(answer.status)}\n{len(types)} types, {vz}"


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
        "GET .../HYPERVISOR/properties/hypervisor_type",
        _types,
        "200 OK\n22 types, among them vz",
        in_readme=True,
    ),
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
        "metadef_overlay: definitions as Newton loaded them into its "
        f"database\n(HYPERVISOR is {newton.NAMESPACE})"
    ),
    rows=_ROWS,
    legacy_rows=_ROWS,
)
