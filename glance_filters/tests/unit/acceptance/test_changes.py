# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.acceptance import changes, scratch
from glance_filters.tests.unit.acceptance.cases import answer, run

CHECKS = {check.asked: check for check in changes.CHECKS}
SCHEMA = {"properties": {"disk_format": {"enum": ["raw", "ploop"]}}}


class ChangesTest(testtools.TestCase):
    """A check holds for the right answer, and for no other.

    The rest takes several answers: real Glance gives them in the functional
    tests.
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
        ):
            seen = run(CHECKS[asked], given, status)
            self.assertEqual(expected, seen.holds, f"{asked}: {seen}")

    def test_not_tried(self) -> None:
        for asked, given in (
            ("GET the image schema", answer(200, {})),
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
