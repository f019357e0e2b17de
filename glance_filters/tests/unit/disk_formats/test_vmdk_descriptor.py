# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.disk_formats import vmdk_descriptor
from glance_filters.disk_formats.vmdk_descriptor import MAX_ALONE, reference

PLAIN = (
    b'version=1\ncreateType="monolithicSparse"\nRW 2048 SPARSE "disk.vmdk"\n'
)
NAME = b"disk.vmdk"
UUID = b"12345678-9abc-def0-1234-56789abcdef0"
NO_UUID = b"00000000-0000-0000-0000-000000000000"
EXTENT = "an extent may be another file"


def named(name: bytes, encoding: bytes = b"") -> bytes:
    """Return a descriptor whose extent has a name."""
    line = b'encoding="' + encoding + b'"\n' if encoding else b""
    return line + PLAIN.replace(NAME, name)


class ReferenceTest(unittest.TestCase):
    def test_lines(self) -> None:
        for text, reason in (
            (PLAIN, None),
            (PLAIN.replace(b"RW", b"RDONLY"), None),
            (PLAIN.replace(b"monolithicSparse", b"STREAMoptimized"), None),
            (PLAIN.replace(b'="', b' = "'), None),
            (PLAIN + b'ddb.comment = "a / b"\n\n \t\n# the end', None),
            (PLAIN + b'changeTrackPath=""\nddb.sidecars = ""\n', None),
            (PLAIN + b"changeTrackPath=x\n", "it names another file"),
            (PLAIN + b'ddb.sidecars = "x.vmfd"\n', "it names another file"),
            # As VirtualBox writes them, without a parent and with one.
            (PLAIN + b'ddb.uuid.parent="' + NO_UUID + b'"\n', None),
            (PLAIN + b"parentCID=ffffffff\nparentCID=12345678\n", None),
            *(
                (PLAIN + line, "it has a parent")
                for line in (
                    b'ddb.uuid.parent="' + NO_UUID[:-1] + b'1"\n',
                    b'ddb.uuid.parent=" ' + NO_UUID + b' 1"\n',
                    b"ddb.uuid.parentmodification = " + UUID + b"\n",
                    b'\tDDB.nativeParentHint = "parent.vmdk"\r',
                    b'ddb.objectParentUri="vvol://1"\n',
                    b"aParent=1\n",
                    b"zParent=1\n",
                    b'ddb.uuid.parent="x"\n',
                )
            ),
            # No field, and no reader's line.
            (PLAIN + b"ddb\n# ddb.uuid.parent=1\n", None),
            (PLAIN.replace(NAME + b'"', NAME + b'" 0'), None),
            (PLAIN + b"a b = c\n", "its descriptor has lines that are not"),
            (PLAIN + b"RWX 1\n", "its descriptor has lines that are not"),
            (PLAIN + b"rw\n", EXTENT),
            (PLAIN.replace(NAME + b'"', NAME), EXTENT),
            (PLAIN.replace(NAME, b""), EXTENT),
            (PLAIN.replace(b"2048", b"x"), EXTENT),
            (PLAIN.replace(NAME + b'"', NAME + b'" "b"'), EXTENT),
            (b"", "its descriptor does not say one kind"),
        ):
            with self.subTest(text):
                found = reference(text)
                if reason is None:
                    self.assertIsNone(found)
                else:
                    self.assertIn(reason, str(found))

    def test_names(self) -> None:
        """A backslash may be a half of a letter, where that is said."""
        tail = "乗".encode("gbk")
        self.assertEqual(0x5C, tail[1])
        for name, encoding, reason in (
            ("größe".encode("cp1252"), b"", None),
            ("größe".encode("cp1252"), b"windows-1252", None),
            ("größe".encode(), b"UTF-8", None),
            (tail, b"GBK", None),
            (b"xyz.vmdk", b"", None),
            (tail, b"gb18030", None),
            (tail, b"gb2312", None),
            (tail, b"windows-936", None),
            ("表".encode("cp932"), b"windows-932", None),
            ("功".encode("cp950"), b"windows-950", None),
            ("表".encode("cp932"), b"Shift_JIS", None),
            ("功".encode("cp950"), b"Big5", None),
            (tail, b"", EXTENT),
            (tail, b"UTF-8", EXTENT),
            # Not a letter of it, so taken as it is.
            (b"\x81\\\xff", b"Big5", EXTENT),
            (b"a\\" + tail, b"GBK", EXTENT),
            (b"c:\x81", b"GBK", EXTENT),
            (b"a/b", b"rot13", EXTENT),
        ):
            with self.subTest(name, encoding=encoding):
                self.assertEqual(reason, reference(named(name, encoding)))

    def test_the_encoding_is_a_field(self) -> None:
        """What only looks like one does not make a path harmless."""
        text = named("乗".encode("gbk"))
        for before, reason in (
            (b"encoding=GBK\n", None),
            (b'\tENCODING = "gbk"\r\n', None),
            (b"# encoding=GBK\n", EXTENT),
            (b'ddb.comment = "encoding=GBK"\n', EXTENT),
            (b"myencoding=GBK\n", EXTENT),
            (b"encoding=GBK\nencoding=UTF-8\n", EXTENT),
        ):
            with self.subTest(before):
                self.assertEqual(reason, reference(before + text))

    @hypothesis.given(st.binary(max_size=200), st.integers(0, len(PLAIN)))
    def test_nothing_breaks_it(self, text: bytes, place: int) -> None:
        reference(PLAIN[:place] + text + PLAIN[place:])


class SearchTest(unittest.TestCase):
    def search(self, *pieces: bytes) -> tuple[bool, bool]:
        search = vmdk_descriptor.Search()
        for piece in pieces:
            search.feed(piece)
        return search.found, search.ended

    def test_what_is_one(self) -> None:
        for pieces, found, ended in (
            ([PLAIN], True, True),
            ([PLAIN.upper()], True, True),
            ([PLAIN[:15], PLAIN[15:]], True, True),
            ([b"\n", b"", *(bytes([each]) for each in PLAIN)], True, True),
            ([b"createTyp"], False, False),
            ([b"\0" + PLAIN], False, True),
            ([b"create\0Type"], False, True),
            ([b"create", b"\0Type"], False, True),
            ([b"\n" * (MAX_ALONE - 10) + b"createType"], True, True),
            ([b"\n" * (MAX_ALONE - 9) + b"createType"], False, True),
            ([b"\n" * (MAX_ALONE - 1)], False, False),
            ([b"\n" * MAX_ALONE], False, True),
        ):
            self.assertEqual((found, ended), self.search(*pieces))
