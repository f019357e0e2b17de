# SPDX-License-Identifier: Apache-2.0

"""Disk formats, and uploads, for disk_format_validator."""

from __future__ import annotations

from demo import examples
from demo.rows import GlanceSide, Row, Section, Side, describe_status
from glance_filters.tests.fixtures import auth, disk_files

# The operator's list in the demonstration.
OPTIONS = {"disk_formats": "raw,qcow2,vmdk,iso,ploop", "inspect": "enforce"}
# The plugin reads Glance's own configuration alone.
CONF = {
    "image_import_opts": {"image_import_plugins": "[glance_filters_inspect]"},
    "disk_format_validator": OPTIONS,
}

# The beginning of a VMDK, without any data.
_VMDK = bytes.fromhex(
    "4b444d56 01000000 03000000 00080000 00000000 80000000 00000000"
    "01000000 00000000 14000000 00000000 00020000 00000000 00000000"
    "15000000 00000000"
).ljust(512, b"\0") + (
    b'version=1\ncreateType="monolithicSparse"\nRW 2048 SPARSE "disk.vmdk"\n'
).ljust(200_000, b"\0")
# A qcow2 that names another file.
_BACKED = bytes.fromhex(
    "514649fb 00000003 0000000000000200 0000000b 00000010 0000000000100000"
).ljust(512, b"\0") + b"/etc/passwd".ljust(70_000, b"\0")

# What is imported from the web.
WEB_FILES = {"/vmdk": _VMDK, "/cd": disk_files.cd()}


def _create(disk_format: str) -> Row:
    def observe(side: Side) -> str:
        image = {"disk_format": disk_format, "container_format": "bare"}
        client = side.client(auth.MEMBER)
        answer = client.send_json("POST", "/v2/images", image)
        return describe_status(answer.status)

    allowed = disk_format in OPTIONS["disk_formats"].split(",")
    wanted = describe_status(201 if allowed else 400)
    return Row(f"POST /v2/images, disk_format {disk_format}", observe, wanted)


def _upload(what: str, declared: str, data: bytes, status: int) -> Row:
    def observe(side: Side) -> str:
        client = side.client(auth.MEMBER)
        image_id = client.create_image(disk_format=declared)
        answer = client.upload(image_id, data)
        lines = [describe_status(answer.status), side.image(image_id)[0]]
        if isinstance(side, GlanceSide):
            lines.append(f"{side.stored_bytes(image_id)} bytes in the store")
        return "\n".join(lines)

    wanted = [describe_status(status), "queued", "0 bytes in the store"]
    if status == 204:
        wanted[1:] = ["active", f"{len(data)} bytes in the store"]
    asked = f"PUT file, {what} as {declared}"
    return Row(asked, observe, "\n".join(wanted), in_readme=status == 415)


def _import(what: str, declared: str, path: str, refusal: str) -> Row:
    """Return a row about an import.

    :param refusal: the message of the task, empty if it succeeds
    """

    def observe(side: Side) -> str:
        assert isinstance(side, GlanceSide)
        client = side.client(auth.MEMBER)
        image_id = client.create_image(disk_format=declared)
        done = side.import_from_web(image_id, path)
        lines = [f"task: {done.task_status}", side.image(image_id)[0]]
        # That of a success says how much was copied.
        if done.task_status == "failure":
            lines[0] += f": {done.message}"
        return "\n".join(
            [*lines, f"{side.stored_bytes(image_id)} bytes in the stores"]
        )

    wanted = [f"task: failure: {refusal}", "queued", "0 bytes in the stores"]
    if not refusal:
        size = len(WEB_FILES[path])
        wanted = ["task: success", "active", f"{size} bytes in the stores"]
    asked = f"POST import, web-download, {what} as {declared}"
    return Row(asked, observe, "\n".join(wanted), in_readme=bool(refusal))


def _upload_again() -> Row:
    data = disk_files.cd()

    def observe(side: Side) -> str:
        client = side.client(auth.MEMBER)
        image_id = client.create_image(disk_format="iso")
        statuses = [
            client.upload(image_id, each).status for each in (_VMDK, data)
        ]
        return "\n".join(describe_status(each) for each in statuses)

    wanted = f"{describe_status(415)}\n{describe_status(204)}"
    return Row("PUT file, a VMDK as iso,\nthen a CD image", observe, wanted)


def _schema() -> Row:
    def observe(side: Side) -> str:
        client = side.client(auth.MEMBER)
        schema = client.request("GET", "/v2/schemas/image").json
        enum = schema["properties"]["disk_format"]["enum"]
        return ",".join(each for each in enum if each)

    return Row(
        "GET /v2/schemas/image, disk_format", observe, OPTIONS["disk_formats"]
    )


def _legacy(row: Row) -> Row:
    """Return a row for a stub that has no store to look into."""
    wanted = row.filtered.partition("\n0 bytes")[0]
    return Row(row.asked, row.observe, wanted)


_DISGUISED = _upload("a VMDK", "qcow2", _VMDK, 415)
_UNSAFE = _upload("one with a backing file", "qcow2", _BACKED, 415)

SECTION = Section(
    title=(
        "disk_format_validator: disk formats raw, qcow2, vmdk, iso and ploop, "
        "and uploads and imports to match"
    ),
    rows=(
        _create("ploop"),
        _create("vdi"),
        _schema(),
        _DISGUISED,
        _upload_again(),
        _upload("a VMDK", "raw", _VMDK, 415),
        _UNSAFE,
        _upload("a CD image", "iso", disk_files.cd(), 204),
        _import(
            *("a VMDK", "qcow2", "/vmdk"),
            "The uploaded data is vmdk, but the disk_format of the image is "
            "qcow2.",
        ),
        _import("a CD image", "iso", "/cd", ""),
    ),
    legacy_rows=(_create("vdi"), _legacy(_DISGUISED), _legacy(_UNSAFE)),
)


def _show(side: GlanceSide) -> examples.Observation:
    client = side.client(auth.MEMBER)
    image_id = client.create_image(disk_format="raw")
    request = examples.Request(
        "PUT",
        f"/v2/images/{image_id}/file",
        {"Content-Type": "application/octet-stream", "Accept": "text/plain"},
        _VMDK,
        f"({len(_VMDK)} bytes of a VMDK)",
    )
    answer = request.send(client)
    status, _ = side.image(image_id)
    stored = side.stored_bytes(image_id)
    remark = f"the image is {status}; the store has {stored} bytes of it"
    return examples.Observation(request, answer, image_id, remark)


EXAMPLE = examples.Example(
    "An upload of a VMDK to an image whose disk_format is raw", _show
)
