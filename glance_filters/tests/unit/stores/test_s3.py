# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import io
import re
import unittest
from typing import Any
from unittest import mock

from glance_filters.stores import sharing
from glance_filters.tests.fixtures import optional

driver = optional.module("glance_filters.stores.s3")
boto_exceptions = optional.module("botocore.exceptions")
glance_store = optional.module("glance_store")
capabilities = optional.module("glance_store.capabilities")

DATA = bytes(range(100))


class Server:
    """An S3 client and its server.

    :ivar ignores_ranges: it sends the whole object
    :ivar fields: what differs in its answer; None if it tells no range
    """

    def __init__(self) -> None:
        self.clients = 0
        self.bodies: list[io.BytesIO] = []
        self.ignores_ranges = False
        self.fields: dict[str, Any] | None = {}
        self.objects = {"key": DATA}

    def get_object(self, **request: str) -> dict[str, Any]:
        data = self.objects.get(request["Key"])
        if data is None:
            raise _error(404, "NoSuchKey")
        match = re.fullmatch("bytes=([0-9]+)-([0-9]*)", request["Range"])
        assert match is not None
        start, stop = int(match[1]), int(match[2] or len(data) - 1) + 1
        if start >= len(data):
            raise _error(416, "InvalidRange")
        stop = min(stop, len(data))
        status, part = 206, data[start:stop]
        if self.ignores_ranges:
            status, part = 200, data
        body = io.BytesIO(part)
        self.bodies.append(body)
        answer = {
            "Body": body,
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        if self.fields is None:
            return answer
        content_range = f"bytes {start}-{stop - 1}/{len(data)}"
        return {**answer, "ContentRange": content_range, **self.fields}


def _error(status: int, code: str) -> Exception:
    error: Exception = boto_exceptions.ClientError(
        {
            "Error": {"Code": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "GetObject",
    )
    return error


@unittest.skipIf(
    driver is None or boto_exceptions is None,
    "glance_store and boto3 are not installed",
)
class S3StoreTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = Server()
        self.store = driver.Store.__new__(driver.Store)
        self.store._capabilities = capabilities.BitMasks.ALL
        self.store.backend_group = "s3"

        def operation_set(location: Any) -> tuple[Server, str, str]:
            self.server.clients += 1
            return self.server, "bucket", location.key

        self.store._operation_set = operation_set

    def get(self, key: str = "key", **part: Any) -> tuple[Any, Any]:
        where = mock.Mock()
        where.store_location.key = key
        where.get_store_uri.return_value = key
        found: tuple[Any, Any] = self.store.get(where, **part)
        return found

    def test_parts(self) -> None:
        cases = ((0, 1), (5, 5), (99, 1), (0, 100), (80, None))
        for ignores_ranges in (False, True):
            self.server.ignores_ranges = ignores_ranges
            for offset, length in cases:
                with self.subTest(f"{ignores_ranges} {offset} {length}"):
                    chunks, size = self.get(offset=offset, chunk_size=length)
                    stop = 100 if length is None else offset + length
                    self.assertEqual(DATA[offset:stop], b"".join(chunks))
                    self.assertIn(size, (length, stop - offset))
                    self.assertTrue(self.server.bodies[-1].closed)

    def test_refused(self) -> None:
        not_given = glance_store.StoreRandomGetNotSupported
        later = {"ContentRange": "bytes 6-10/100"}
        cases: tuple[tuple[Any, ...], ...] = (
            ("other", 5, 5, {}, glance_store.NotFound, "Image other not"),
            ("key", 100, 1, {}, not_given, "the object is shorter[.]"),
            ("key", 99, 2, {}, not_given, "it sent bytes 99-99/100[.]"),
            ("key", 5, 5, later, not_given, "it sent bytes 6-10/100[.]"),
            ("key", 5, 5, None, not_given, "the Content-Range is missing[.]"),
        )
        for key, offset, length, fields, error, text in cases:
            with self.subTest(f"{key} {offset} {length} {fields}"):
                self.server.fields = fields
                with self.assertRaisesRegex(error, text):
                    self.get(key, offset=offset, chunk_size=length)
        self.assertEqual([True] * 3, [x.closed for x in self.server.bodies])

    def test_forbidden(self) -> None:
        """It is refused as it is before a whole download."""
        for status, code in ((403, "AccessDenied"), (503, "SlowDown")):
            error = _error(status, code)
            with mock.patch.object(
                self.server, "get_object", side_effect=error
            ):
                with self.assertRaisesRegex(
                    glance_store.BadStoreConfiguration,
                    f"^Store s3 could not .*: Failed to get .*{code}",
                ):
                    self.get(offset=5, chunk_size=5)

    def test_builtin_driver(self) -> None:
        self.assertIsNone(driver.BUILTIN.misfit(driver.builtin.Store))

    def test_one_client_for_a_download(self) -> None:
        shared = sharing.Shared()
        with contextlib.closing(shared):
            for offset in (5, 90, 3):
                with shared:
                    chunks, _ = self.get(offset=offset, chunk_size=2)
                self.assertEqual(DATA[offset : offset + 2], b"".join(chunks))
        self.assertEqual(1, self.server.clients)
