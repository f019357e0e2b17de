# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from typing import Any, cast

import fixtures
import testtools

from glance_filters.acceptance import changes, downloads, scratch, service
from glance_filters.acceptance.checks import Seen, Trial
from glance_filters.acceptance.service import Answer
from glance_filters.tests.unit.acceptance.cases import (
    FakeScratch,
    FakeService,
    answer,
    run,
)

CHECKS = {check.asked: check for check in changes.CHECKS}
_TABLES = struct.Struct(">IQQI")
SCHEMA = {"properties": {"disk_format": {"enum": ["raw", "ploop"]}}}


class ChangesTest(testtools.TestCase):
    """A check holds for the right answer, and for no other.

    Real Glance gives the answers in the functional tests.
    """

    def test_answers(self) -> None:
        for asked, given, status, expected in (
            ("GET the image schema", answer(200, SCHEMA), "", True),
            (
                "GET the image schema",
                answer(200, {"properties": {"disk_format": {"enum": []}}}),
                "",
                False,
            ),
            ("POST image, disk_format: ploop", answer(201), "", True),
            ("POST image, disk_format: ploop", answer(400), "", False),
            ("POST image, disk_format: no-such-format", answer(400), "", True),
            (
                "POST image, disk_format: no-such-format",
                answer(201),
                "",
                False,
            ),
            (
                "PUT file, a qcow2 with a backing file",
                answer(415),
                "queued",
                True,
            ),
            (
                "PUT file, a qcow2 with a backing file",
                answer(415),
                "saving",
                False,
            ),
            (
                "PUT file, a qcow2 with a backing file",
                answer(204),
                "active",
                False,
            ),
            (
                "PATCH replace /image_id by that of another image",
                answer(403),
                "active",
                True,
            ),
            (
                "PATCH replace /image_id by that of another image",
                answer(403),
                "queued",
                False,
            ),
            (
                "GET the property hypervisor_type",
                answer(200, {"enum": ["kvm", "vz"]}),
                "",
                True,
            ),
            (
                "GET the property hypervisor_type",
                answer(200, {"enum": ["kvm"]}),
                "",
                False,
            ),
            ("GET the property hypervisor_type", answer(500), "", False),
            ("GET the property hypervisor_type", answer(200, {}), "", False),
            (
                "PATCH replace /image_id by that of another image",
                answer(204),
                "active",
                False,
            ),
        ):
            seen = run(CHECKS[asked], given, status)
            self.assertEqual(expected, seen.holds, f"{asked}: {seen}")

    def test_what_is_asked_and_told(self) -> None:
        qcow2, ploop = {"disk_format": "qcow2"}, {"disk_format": "ploop"}
        property_path = (
            "/v2/metadefs/namespaces/OS::Compute::Hypervisor/properties/"
            "hypervisor_type"
        )
        types = answer(200, {"enum": ["kvm", "vz"]})
        others = answer(200, {"enum": ["kvm"]})
        rename = {"op": "replace", "path": "/image_id", "value": "x"}
        for name, given, asked, expected, text in (
            (
                "GET the image schema",
                answer(200, SCHEMA),
                ["GET /v2/schemas/image"],
                "ploop",
                "ploop",
            ),
            (
                "GET the image schema",
                answer(200, {"properties": {"disk_format": {"enum": []}}}),
                ["GET /v2/schemas/image"],
                "ploop",
                "no ploop",
            ),
            (
                "POST image, disk_format: ploop",
                answer(201),
                [ploop],
                "201",
                "201 Created",
            ),
            (
                "POST image, disk_format: no-such-format",
                answer(400),
                [{"disk_format": "no-such-format"}],
                "400",
                "400 Bad Request",
            ),
            (
                "PUT file, a qcow2 with a backing file",
                answer(415),
                [qcow2, "upload"],
                "415, queued",
                "415 Unsupported Media Type; queued",
            ),
            (
                "PATCH replace /image_id by that of another image",
                answer(403),
                [{}, {}, rename],
                "403, the other is active",
                "403 Forbidden; the other: queued",
            ),
            (
                "GET the property hypervisor_type",
                types,
                [f"GET {property_path}"],
                "vz",
                "2 types, vz",
            ),
            (
                "GET the property hypervisor_type",
                others,
                [f"GET {property_path}"],
                "vz",
                "1 types, no vz",
            ),
        ):
            found: list[Any] = []
            seen = run(CHECKS[name], given, "queued", found)
            self.assertEqual((asked, text), (found, seen.text))
            self.assertEqual(expected, CHECKS[name].expected)

    def test_no_other_status(self) -> None:
        for asked, right, shown in (
            ("POST image, disk_format: ploop", 201, ""),
            ("POST image, disk_format: no-such-format", 400, ""),
            ("PUT file, a qcow2 with a backing file", 415, "queued"),
            (
                "PATCH replace /image_id by that of another image",
                403,
                "active",
            ),
        ):
            for status, others, holds in (
                (right, [shown], True),
                (right - 1, [shown], False),
                (right + 1, [shown], False),
                (right, ["None", "saving"] if shown else [], False),
            ):
                for other in others:
                    seen = run(CHECKS[asked], answer(status), other)
                    self.assertEqual(holds, seen.holds, f"{asked}: {seen}")

    def test_not_tried(self) -> None:
        for asked, given in (
            ("GET the image schema", answer(200, {})),
            ("GET the image schema", answer(200, [])),
            ("GET the property hypervisor_type", answer(404)),
            ("PATCH remove /locations/0 of a deactivated image", answer(403)),
        ):
            self.assertRaises(scratch.NotTried, run, CHECKS[asked], given)

    def test_qcow2(self) -> None:
        data = changes.qcow2_with_backing_file()
        self.assertEqual(b"QFI\xfb\0\0\0\2", data[:8])
        offset = int.from_bytes(data[8:16], "big")
        length = int.from_bytes(data[16:20], "big")
        self.assertEqual(b"/etc/hostname", data[offset : offset + length])
        # Bits of a cluster, bytes, no encryption.
        self.assertEqual((16, 2**20, 0), struct.unpack(">IQI", data[20:36]))
        # Entries of the L1 table, which is in another cluster than the one
        # of the table of references.
        self.assertEqual((1, 3 << 16, 1 << 16, 1), _TABLES.unpack(data[36:60]))
        # No snapshots.
        self.assertEqual(bytes(12), data[60:72])
        self.assertEqual(1 << 16, len(data))


class UploadingService(FakeService):
    """Takes an upload, and a patch meanwhile.

    :ivar events: what happened, in its order
    """

    def __init__(
        self, patched: int, uploaded: int, body: bytes, status: int = 200
    ) -> None:
        super().__init__(answer(status, body))
        self._patched = patched
        self._uploaded = uploaded
        self.events: list[Any] = []

    @contextlib.contextmanager
    def slow_upload(
        self, image_id: str, data: bytes
    ) -> Iterator[Callable[[], Answer]]:
        self.events.append("begin")
        self.data = data
        yield self.finish

    def request(self, method: str, path: str, *more: Any) -> Answer:
        self.events.append(f"{method} {path}")
        return super().request(method, path)

    def finish(self) -> Answer:
        self.events.append("end")
        return answer(self._uploaded)

    def patch(self, image_id: str, *operations: Any) -> Answer:
        self.events.extend(operations)
        return answer(self._patched)


class SeveralStepsTest(testtools.TestCase):
    def run_check(
        self,
        name: str,
        given: FakeService,
        *statuses: str,
        location_url: str | None = None,
    ) -> Seen:
        images = FakeScratch(answer(200), *statuses)
        trial = Trial(
            cast(service.Service, given),
            cast(scratch.Scratch, images),
            location_url,
        )
        return CHECKS[name].run(trial)

    def test_an_upload_is_kept(self) -> None:
        name = "PATCH replace /locations while the image is being uploaded"
        whole = downloads.DATA * 4000
        self.useFixture(
            fixtures.MockPatchObject(changes, "_PAUSE_SECONDS", new=0)
        )
        for patched, uploaded, body, holds, text in (
            (409, 204, whole, True, "the upload is kept"),
            (204, 204, whole, False, "the upload is kept"),
            (409, 500, whole, False, "the upload is kept"),
            (408, 204, whole, False, "the upload is kept"),
            (410, 204, whole, False, "the upload is kept"),
            (409, 203, whole, False, "the upload is kept"),
            (409, 204, b"", False, "the upload is lost"),
            (409, 204, whole + b"x", False, "the upload is lost"),
        ):
            for url in (None, "http://h/x"):
                given = UploadingService(patched, uploaded, body)
                statuses = ("queued", "uploading", "saving", "active")
                seen = self.run_check(name, given, *statuses, location_url=url)
                self.assertEqual(holds, seen.holds, seen.text)
                self.assertIn(f"PATCH {patched} ", seen.text)
                self.assertIn(f"PUT {uploaded} ", seen.text)
                self.assertIn(text, seen.text)
                value = [{"url": url, "metadata": {}}] if url else []
                operation = {
                    "op": "replace",
                    "path": "/locations",
                    "value": value,
                }
                download = "GET /v2/images/x/file"
                self.assertEqual(
                    ["begin", operation, "end", download], given.events
                )
                self.assertEqual(whole, given.data)
        self.assertEqual(
            "PATCH 409, PUT 204, the upload is kept", CHECKS[name].expected
        )

    def test_an_upload_that_does_not_begin(self) -> None:
        name = "PATCH replace /locations while the image is being uploaded"
        self.assertTrue(0 < changes._PAUSE_SECONDS < changes._BEGIN_SECONDS)
        self.useFixture(
            fixtures.MockPatchObject(changes, "_BEGIN_SECONDS", new=0)
        )
        given = UploadingService(409, 204, b"")
        with testtools.ExpectedException(scratch.NotTried, ".*begin"):
            self.run_check(name, given, "queued")
        self.assertEqual(["begin"], given.events)

    def test_a_location_of_a_deactivated_image(self) -> None:
        name = "PATCH remove /locations/0 of a deactivated image"
        for status in (203, 205):
            given = UploadingService(409, 0, b"", status)
            self.assertRaises(scratch.NotTried, self.run_check, name, given)
        for status, holds in ((409, True), (408, False), (410, False)):
            given = UploadingService(status, 0, b"", 204)
            seen = self.run_check(name, given)
            self.assertEqual(holds, seen.holds)
            self.assertEqual(str(answer(status)), seen.text)
            self.assertEqual(
                [
                    "POST /v2/images/x/actions/deactivate",
                    {"op": "remove", "path": "/locations/0"},
                ],
                given.events,
            )
        self.assertEqual("409", CHECKS[name].expected)
