# SPDX-License-Identifier: Apache-2.0

"""Downloads, as REDbot judges them: a checker of HTTP that is not ours."""

from __future__ import annotations

import unittest

import testtools

from glance_filters import tests
from glance_filters.filters.registry import FILTERS
from glance_filters.tests.fixtures import (
    auth,
    http_data,
    optional,
    real_glance,
    redbot_findings,
)

DATA = bytes(range(256)) * 1000
# Glance sends one, in hexadecimal digits; a server need not send the other.
NOT_OURS = ("Content-MD5", "Date header")
# (name, is the image one without a checksum, method, header fields, findings
# that REDbot is known to have there)
ROWS: tuple[tuple[str, bool, str, dict[str, str], set[str]], ...] = (
    ("whole", False, "GET", {}, {"RANGE_CORRECT", "INM_304"}),
    ("HEAD", False, "HEAD", {}, {"INM_304"}),
    ("range", False, "GET", {"Range": "bytes=5-99"}, {"INM_304"}),
    (
        "ranges",
        False,
        "GET",
        {"Range": "bytes=5-99,1000-1010"},
        # It wants a Content-Range in front of the parts, where RFC 9110
        # forbids it (15.3.7.2).
        {"INM_304", "PARTIAL_WITHOUT_RANGE"},
    ),
    ("not modified", False, "GET", {"If-None-Match": "*"}, set()),
    ("failed", False, "GET", {"If-Match": '"x"'}, set()),
    ("beyond", False, "GET", {"Range": "bytes=9999999-"}, set()),
    ("no checksum", True, "GET", {}, {"RANGE_CORRECT", "INM_304"}),
    ("no checksum, HEAD", True, "HEAD", {}, {"INM_304"}),
    ("no checksum, range", True, "GET", {"Range": "bytes=-9"}, {"INM_304"}),
)


@tests.nightly
@unittest.skipIf(
    optional.module("redbot") is None,
    "REDbot is not installed (redbot-requirements.txt)",
)
class RedbotTest(testtools.TestCase):
    """All filters, on the servers that differ in what they add."""

    def check(self, kind: real_glance.Server) -> None:
        names = [each.name for each in FILTERS]
        server = self.useFixture(real_glance.GlanceServer(names, server=kind))
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        client = server.client()
        stored, elsewhere = client.create_image(DATA), client.create_image()
        admin = server.client(auth.ADMIN)
        done = admin.add_location(elsewhere, web.url("/data"))
        self.assertEqual(200, done.status)
        requests = []
        for _, has_no_checksum, method, fields, _ in ROWS:
            image_id = elsewhere if has_no_checksum else stored
            url = f"{server.url}/v2/images/{image_id}/file"
            fields = {auth.HEADER: auth.MEMBER, **fields}
            requests.append((method, url, list(fields.items())))
        found = redbot_findings.find(requests)
        for (name, *_, expected), findings in zip(ROWS, found):
            self.assertNotEqual([], findings, name)
            ours = {
                finding
                for level, finding, text in findings
                if level in ("warning", "bad", "error")
                or finding in ("RANGE_CORRECT", "INM_304")
                if not any(each in text for each in NOT_OURS)
            }
            self.assertEqual(expected, ours, f"{name}: {findings}")

    def test_gunicorn(self) -> None:
        self.check(real_glance.Server.GUNICORN)

    def test_uwsgi(self) -> None:
        self.check(real_glance.Server.UWSGI)
