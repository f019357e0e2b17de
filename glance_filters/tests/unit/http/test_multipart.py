# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import email
import unittest

from glance_filters.http import multipart
from glance_filters.http.byte_ranges import ByteRange

DATA = bytes(range(256))
PARTS = [ByteRange(0, 5), ByteRange(200, 256), ByteRange(9, 10)]


class FramingTest(unittest.TestCase):
    def test_a_mime_parser_reads_it(self) -> None:
        framing = multipart.Framing(PARTS, len(DATA), "a/b")
        body = b"".join(
            head + DATA[part.start : part.stop]
            for head, part in zip(framing.heads, PARTS)
        )
        body += framing.end
        self.assertEqual(len(body), framing.content_length)
        head = f"Content-Type: {framing.content_type}\r\n\r\n".encode()
        message = email.message_from_bytes(head + body)
        self.assertEqual("multipart/byteranges", message.get_content_type())
        self.assertEqual([], message.defects)
        found = message.get_payload()
        assert isinstance(found, list)
        self.assertEqual(len(PARTS), len(found))
        for part, each in zip(PARTS, found):
            self.assertEqual(
                f"bytes {part.start}-{part.stop - 1}/256",
                each["Content-Range"],
            )
            self.assertEqual("a/b", each.get_content_type())
            data = DATA[part.start : part.stop]
            self.assertEqual(data, each.get_payload(decode=True))

    def test_text(self) -> None:
        framing = multipart.Framing(PARTS[:1], 256, "a/\xe9", "b")
        self.assertEqual(
            b"\r\n--b\r\nContent-Type: a/\xe9\r\n"
            b"Content-Range: bytes 0-4/256\r\n\r\n",
            b"".join(framing.heads),
        )
        self.assertEqual(b"\r\n--b--\r\n", framing.end)

    def test_boundaries_differ(self) -> None:
        one, other = (multipart.Framing(PARTS, 256, "a/b") for _ in "12")
        self.assertNotEqual(one.boundary, other.boundary)
        self.assertEqual(32, len(one.boundary))
