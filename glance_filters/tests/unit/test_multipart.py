# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from __future__ import annotations

import email
import unittest

from glance_filters import multipart
from glance_filters.byte_ranges import ByteRange

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

    def test_boundaries_differ(self) -> None:
        one, other = (multipart.Framing(PARTS, 256, "a/b") for _ in "12")
        self.assertNotEqual(one.boundary, other.boundary)
        self.assertEqual(32, len(one.boundary))
