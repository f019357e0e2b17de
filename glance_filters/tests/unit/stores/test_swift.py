# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import re
import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

import urllib3

from glance_filters.stores import sharing
from glance_filters.tests.fixtures import optional

driver = optional.module("glance_filters.stores.swift")
swiftclient = optional.module("swiftclient")
glance_store = optional.module("glance_store")
capabilities = optional.module("glance_store.capabilities")

DATA = bytes(range(100))


class Body:
    def __init__(
        self, data: bytes, breaks_after: int | None, error: Exception | None
    ) -> None:
        self._data = data
        self._breaks_after = breaks_after
        self._error = error
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for count in range(0, len(self._data), 10):
            if self._breaks_after is not None and count >= self._breaks_after:
                if self._error is None:
                    return
                raise self._error
            yield self._data[count : count + 10]

    def close(self) -> None:
        self.is_closed = True


class Manager:
    """A manager of connections, its connection, and the server.

    :ivar breaks: after how many bytes each of the next answers breaks
    :ivar error: how it does; None if it just ends
    """

    retries = 2

    def __init__(self) -> None:
        self.made = self.left = 0
        self.bodies: list[Body] = []
        self.asked: list[dict[str, str]] = []
        self.ignores_ranges = False
        self.shift = 0
        self.breaks: list[int] = []
        self.error: Exception | None = ConnectionResetError()
        self.data = DATA

    def __enter__(self) -> Manager:
        self.made += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.left += 1

    def get_connection(self) -> Manager:
        return self

    def get_object(
        self, container: str, name: str, headers: dict[str, str], **_: object
    ) -> tuple[dict[str, str], Body]:
        self.asked.append(headers)
        if name != "object":
            status = {"other": 404, "denied": 401, "busy": 503}[name]
            raise swiftclient.ClientException("", http_status=status)
        match = re.fullmatch("bytes=([0-9]+)-([0-9]*)", headers["Range"])
        assert match is not None
        size = len(self.data)
        start, stop = int(match[1]), int(match[2] or size - 1) + 1
        start, stop = start + self.shift, min(stop, size)
        if start >= size:
            raise swiftclient.ClientException("", http_status=416)
        fields = {"etag": "tag"}
        part = self.data
        if not self.ignores_ranges:
            fields["content-range"] = f"bytes {start}-{stop - 1}/{size}"
            part = part[start:stop]
        breaks_after = self.breaks.pop(0) if self.breaks else None
        self.bodies.append(Body(part, breaks_after, self.error))
        return fields, self.bodies[-1]


@unittest.skipIf(
    driver is None or swiftclient is None,
    "glance_store and python-swiftclient are not installed",
)
class SwiftStoreTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager = Manager()
        kind = driver.SingleTenantStore
        self.store = kind.__new__(kind)
        self.store._capabilities = capabilities.BitMasks.ALL
        self.store.backend_group = "swift"
        self.store.store_conf = mock.Mock(swift_store_retry_get_count=0)
        self.store.get_manager = mock.Mock(return_value=self.manager)

    def get(self, name: str = "object", **part: Any) -> tuple[Any, Any]:
        where = mock.Mock()
        where.store_location.obj = name
        where.get_store_uri.return_value = name
        found: tuple[Any, Any] = self.store.get(where, **part)
        return found

    def test_parts(self) -> None:
        cases = ((0, 1), (5, 5), (5, 25), (99, 1), (0, 100), (80, None))
        for ignores_ranges in (False, True):
            self.manager.ignores_ranges = ignores_ranges
            for offset, length in cases:
                with self.subTest(f"{ignores_ranges} {offset} {length}"):
                    chunks, size = self.get(offset=offset, chunk_size=length)
                    stop = 100 if length is None else offset + length
                    self.assertEqual(DATA[offset:stop], b"".join(chunks))
                    self.assertIn(size, (length, stop - offset))
                    self.assertTrue(self.manager.bodies[-1].is_closed)

    def test_refused(self) -> None:
        not_given = glance_store.StoreRandomGetNotSupported
        cases: tuple[tuple[Any, ...], ...] = (
            ("other", 5, 5, 0, glance_store.NotFound),
            ("denied", 5, 5, 0, swiftclient.ClientException),
            ("busy", 5, 5, 0, swiftclient.ClientException),
            ("object", 100, 1, 0, not_given),
            ("object", 99, 2, 0, not_given),
            ("object", 5, 5, 1, not_given),
        )
        for name, offset, length, shift, error in cases:
            with self.subTest(f"{name} {offset} {length} {shift}"):
                self.manager.shift = shift
                with self.assertRaises(error):
                    self.get(name, offset=offset, chunk_size=length)
        for body in self.manager.bodies:
            self.assertTrue(body.is_closed)

    def test_goes_on_where_a_connection_broke(self) -> None:
        for error in (
            ConnectionResetError(),
            urllib3.exceptions.ProtocolError("broken"),
            None,
        ):
            with self.subTest(error):
                self.manager.error = error
                self.manager.breaks = [20, 30]
                self.manager.asked.clear()
                chunks, _ = self.get(offset=5, chunk_size=81)
                with mock.patch.object(driver, "LOG") as log:
                    self.assertEqual(DATA[5:86], b"".join(chunks))
                self.assertEqual(2 if error else 0, log.warning.call_count)
                self.assertEqual(
                    [
                        {"Range": "bytes=5-85"},
                        {"Range": "bytes=25-85", "If-Match": "tag"},
                        {"Range": "bytes=55-85", "If-Match": "tag"},
                    ],
                    self.manager.asked,
                )

    def test_goes_on_so_often_only(self) -> None:
        for error, expected in (
            (ConnectionResetError(), ConnectionResetError),
            (None, glance_store.RemoteServiceUnavailable),
        ):
            self.manager.error = error
            self.manager.breaks = [20, 20, 20]
            chunks, _ = self.get(offset=5, chunk_size=80)
            read = []
            with self.assertRaises(expected):
                for chunk in chunks:
                    read.append(chunk)
            self.assertEqual(DATA[5:65], b"".join(read))

    def test_options_of_old_releases(self) -> None:
        """They are in the service's own, by the name of the store."""
        for group, expected in (("swift", "swift"), (None, "glance_store")):
            for count in (0, 1):
                self.store.store_conf = None
                self.store.backend_group = group
                options = mock.Mock(swift_store_retry_get_count=count)
                self.store.conf = {expected: options}
                chunks, _ = self.get(offset=5, chunk_size=2)
                self.assertEqual(DATA[5:7], b"".join(chunks))
                keys = self.store.get_manager.call_args.kwargs
                self.assertEqual({"allow_reauth": count > 0}, keys)

    def test_never_goes_on_elsewhere(self) -> None:
        error = glance_store.StoreRandomGetNotSupported
        for name, value, text in (
            ("ignores_ranges", True, "the Content-Range is missing[.]"),
            ("data", DATA[:60], "it sent bytes 25-59/60[.]"),
        ):
            with self.subTest(name):
                self.manager = Manager()
                self.store.get_manager.return_value = self.manager
                self.manager.breaks = [20]
                chunks, _ = self.get(offset=5, chunk_size=81)
                read = [next(chunks)]
                setattr(self.manager, name, value)
                with self.assertRaisesRegex(error, text):
                    read.extend(chunks)
                self.assertEqual(DATA[5:25], b"".join(read))

    def test_manager_is_there_until_the_end(self) -> None:
        """A trust ends with it, and with the trust the token."""
        chunks, _ = self.get(offset=5, chunk_size=80)
        next(chunks)
        self.assertEqual((1, 0), (self.manager.made, self.manager.left))
        list(chunks)
        self.assertEqual((1, 1), (self.manager.made, self.manager.left))

    def test_one_token_for_a_download(self) -> None:
        shared = sharing.Shared()
        with contextlib.closing(shared):
            for offset in (5, 90, 3):
                with shared:
                    chunks, _ = self.get(offset=offset, chunk_size=2)
                self.assertEqual(DATA[offset : offset + 2], b"".join(chunks))
        self.assertEqual(1, self.manager.made)

    def test_builtin_drivers(self) -> None:
        for kind in driver.BUILTIN.classes:
            self.assertIsNone(driver.BUILTIN.misfit(kind))

    def test_kinds(self) -> None:
        for kind in (driver.SingleTenantStore, driver.MultiTenantStore):
            with self.subTest(kind.__name__):
                made = mock.Mock(spec=kind.__mro__[3])
                with (
                    mock.patch.object(
                        driver.builtin, "Store", return_value=made
                    ),
                    mock.patch.object(kind, "__init__", return_value=None),
                ):
                    self.assertIs(kind, type(driver.Store("conf", "swift")))
