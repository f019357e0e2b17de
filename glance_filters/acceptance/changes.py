# SPDX-License-Identifier: Apache-2.0

"""Checks of what changes images: locations, disk formats, definitions."""

from __future__ import annotations

import struct
import time

from glance_filters.acceptance import downloads
from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.acceptance.scratch import NotTried

# How long the service may take to begin with an upload, and how often it is
# asked meanwhile.
_BEGIN_SECONDS = 10.0
_PAUSE_SECONDS = 0.05

# A filter may look at the beginning before the service sees the upload.
_UPLOAD = downloads.DATA * 4000

_HYPERVISOR_TYPE = (
    "/v2/metadefs/namespaces/OS::Compute::Hypervisor/properties/"
    "hypervisor_type"
)


def _replace_while_uploading(trial: Trial) -> Seen:
    image_id = trial.scratch.image()
    value = []
    if trial.location_url is not None:
        value = [{"url": trial.location_url, "metadata": {}}]
    operation = {"op": "replace", "path": "/locations", "value": value}
    with trial.service.slow_upload(image_id, _UPLOAD) as finish:
        end = time.monotonic() + _BEGIN_SECONDS
        while trial.scratch.status(image_id) != "saving":
            if time.monotonic() > end:
                raise NotTried("the upload does not begin before it is whole")
            time.sleep(_PAUSE_SECONDS)
        patched = trial.service.patch(image_id, operation)
        uploaded = finish()
    answer = trial.service.request("GET", f"/v2/images/{image_id}/file")
    is_kept = answer.status == 200 and answer.body == _UPLOAD
    text = "the upload is kept" if is_kept else "the upload is lost"
    return Seen(
        patched.status == 409 and uploaded.status == 204 and is_kept,
        f"PATCH {patched}; PUT {uploaded}; {text}",
    )


def _remove_of_deactivated(trial: Trial) -> Seen:
    image_id = trial.scratch.image(downloads.DATA)
    path = f"/v2/images/{image_id}/actions/deactivate"
    answer = trial.service.request("POST", path)
    if answer.status != 204:
        raise NotTried(f"POST deactivate: {answer}")
    operation = {"op": "remove", "path": "/locations/0"}
    answer = trial.service.patch(image_id, operation)
    return Seen(answer.status == 409, str(answer))


def _patch_of_another(trial: Trial) -> Seen:
    image_id = trial.scratch.image()
    other_id = trial.scratch.image(downloads.DATA)
    operation = {"op": "replace", "path": "/image_id", "value": other_id}
    answer = trial.service.patch(image_id, operation)
    status = trial.scratch.status(other_id)
    return Seen(
        answer.status == 403 and status == "active",
        f"{answer}; the other: {status}",
    )


def _ploop_is_offered(trial: Trial) -> Seen:
    answer = trial.service.request("GET", "/v2/schemas/image")
    try:
        formats = answer.json["properties"]["disk_format"]["enum"]
    except (KeyError, TypeError):
        raise NotTried(f"GET schema: {answer}") from None
    is_there = "ploop" in formats
    return Seen(is_there, "ploop" if is_there else "no ploop")


def _ploop_is_taken(trial: Trial) -> Seen:
    _, answer = trial.scratch.create(disk_format="ploop")
    return Seen(answer.status == 201, str(answer))


def _unknown_format(trial: Trial) -> Seen:
    _, answer = trial.scratch.create(disk_format="no-such-format")
    return Seen(answer.status == 400, str(answer))


def qcow2_with_backing_file() -> bytes:
    """Return a qcow2 whose data are those of a file of the host that uses it.

    See "Header" in QEMU's docs/interop/qcow2.
    """
    name = b"/etc/hostname"
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(b"QFI\xfb", 2, 72, len(name), 16, 2**20),
        *(0, 1, 3 * 2**16, 2**16, 1, 0, 0),
    )
    return (header + name).ljust(2**16, b"\0")


def _unsafe_upload(trial: Trial) -> Seen:
    image_id = trial.scratch.image(disk_format="qcow2")
    answer = trial.service.upload(image_id, qcow2_with_backing_file())
    status = trial.scratch.status(image_id)
    return Seen(
        answer.status == 415 and status == "queued", f"{answer}; {status}"
    )


def _vz_is_offered(trial: Trial) -> Seen:
    answer = trial.service.request("GET", _HYPERVISOR_TYPE)
    if answer.status == 404:
        raise NotTried("the service has no definitions of hypervisors")
    try:
        types = answer.json["enum"]
    except (KeyError, TypeError):
        return Seen(False, str(answer))
    text = "vz" if "vz" in types else "no vz"
    return Seen("vz" in types, f"{len(types)} types, {text}")


CHECKS = (
    Check(
        "PATCH replace /locations while the image is being uploaded",
        "PATCH 409, PUT 204, the upload is kept",
        _replace_while_uploading,
    ),
    Check(
        "PATCH remove /locations/0 of a deactivated image",
        "409",
        _remove_of_deactivated,
    ),
    Check(
        "PATCH replace /image_id by that of another image",
        "403, the other is active",
        _patch_of_another,
    ),
    Check("GET the image schema", "ploop", _ploop_is_offered),
    Check("POST image, disk_format: ploop", "201", _ploop_is_taken),
    Check("POST image, disk_format: no-such-format", "400", _unknown_format),
    Check(
        "PUT file, a qcow2 with a backing file", "415, queued", _unsafe_upload
    ),
    Check("GET the property hypervisor_type", "vz", _vz_is_offered),
)
