# SPDX-License-Identifier: Apache-2.0

"""What one request for ranges may cost real Glance, whatever it asks for."""

from __future__ import annotations

import email

import fixtures
import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import ByteRange
from glance_filters.tests.fixtures import (
    counting,
    http_client,
    http_data,
    real_glance,
)

SIZE = 400_000
DATA = b"".join(number.to_bytes(4, "big") for number in range(SIZE // 4))
MAX_GAP = 20_000
MAX_CALLS = 4
MAX_DISCARDED = 100_000
# In which the file store hands out what it reads, and here the http store too:
# of one chunk more may be taken than is needed.
CHUNK_BYTES = 64 * 1024
OPTIONS = {
    **counting.OPTIONS,
    "range_translator": {
        "max_gap": str(MAX_GAP),
        "max_calls": str(MAX_CALLS),
        "max_discarded": str(MAX_DISCARDED),
        "max_overlaps": "100",
    },
}

_positions = st.one_of(
    st.integers(0, SIZE + 1000),
    st.integers(0, SIZE // 1000).map(lambda number: number * 1000),
)


def _spec(start: int, length: int, kind: str) -> str:
    if kind == "suffix":
        return f"-{length}"
    return f"{start}-" if kind == "open" else f"{start}-{start + length}"


_kinds = st.sampled_from(["closed"] * 8 + ["open", "suffix"])
_lengths = st.one_of(st.integers(0, 5), st.integers(0, SIZE))
_some = st.lists(
    st.builds(_spec, _positions, _lengths, _kinds), min_size=1, max_size=8
)
_many = st.builds(
    lambda start, step, count, is_descending: [
        f"{position}-{position}"
        for position in (
            range(start + step * count, start, -step)
            if is_descending
            else range(start, start + step * count, step)
        )
    ],
    _positions,
    st.integers(1, 2 * MAX_GAP),
    st.integers(1, 100),
    st.booleans(),
)


def parts_of(answer: http_client.Response) -> list[tuple[ByteRange, bytes]]:
    """Return the parts of a 206, by a parser of MIME."""
    kind = answer.header("Content-Type") or ""
    if not kind.startswith("multipart/"):
        part, _ = byte_ranges.parse_content_range(
            answer.header("Content-Range") or ""
        )
        return [(part, answer.body)]
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body)
    parts = []
    for each in message.get_payload():
        assert isinstance(each, email.message.Message)
        part, _ = byte_ranges.parse_content_range(each["Content-Range"])
        start = answer.body.index(
            f"Content-Range: {each['Content-Range']}\r\n\r\n".encode()
        )
        start = answer.body.index(b"\r\n\r\n", start) + 4
        parts.append((part, answer.body[start : start + part.length]))
    return parts


# A request takes some milliseconds here.
_settings = hypothesis.settings(
    max_examples=hypothesis.settings().max_examples // 10
)


class CostsMixin(testtools.TestCase):
    """Sends requests, and looks at what they cost.

    :cvar max_discarded: how many bytes may be read besides what lies between
        two parts
    """

    max_discarded = CHUNK_BYTES

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_store._drivers.http.Store.READ_CHUNKSIZE", CHUNK_BYTES
            )
        )
        self.client = glance.client(
            glance.app(("range_translator", "counting"), OPTIONS)
        )
        self.image_id = self.make_image(glance.client())
        self.sql_of_a_call = max(
            len(self.sql(f"/v2/images/{self.image_id}{path}"))
            for path in ("", "/file")
        )

    def make_image(self, client: http_client.WsgiClient) -> str:
        raise NotImplementedError

    def sql(self, path: str) -> list[str]:
        client = self.client
        with counting.counted_sql() as statements:
            self.assertEqual(200, client.request("GET", path).status)
        return statements

    def check_bounds(self, specs: list[str]) -> None:
        text = f"bytes={','.join(specs)}"
        counts = counting.COUNTS
        counts.reset()
        with counting.counted_sql() as statements:
            answer = self.client.download(self.image_id, text)
        self.assertEqual(counts.opened, counts.closed)
        self.assertLessEqual(len(counts.asked), MAX_CALLS + 1)
        self.assertLessEqual(
            len(statements), (MAX_CALLS + 1) * self.sql_of_a_call
        )
        sent, joints = 0, 0
        if answer.status == 200:
            self.assertEqual(DATA, answer.body)
            sent = SIZE
        elif answer.status == 206:
            parts = parts_of(answer)
            self.check_parts(parts, text)
            sent = sum(part.length for part, _ in parts)
            joints = len(parts) - 1
            # What lies before a range that turns out not to be there.
            joints += any(
                int(each.split("-")[0] or 0) >= SIZE for each in specs
            )
        else:
            self.assertEqual(416, answer.status)
        self.assertLessEqual(
            counts.bytes_read, sent + joints * MAX_GAP + self.max_discarded
        )

    def check_parts(
        self, parts: list[tuple[ByteRange, bytes]], text: str
    ) -> None:
        limits = byte_ranges.Limits(1000, 1000)
        wanted = byte_ranges.resolve(
            byte_ranges.parse(text, limits), SIZE, limits
        )
        found = [part for part, _ in parts]
        ascending = sorted(wanted, key=lambda part: part.start)
        self.assertIn(found, (list(wanted), ascending))
        for part, data in parts:
            self.assertEqual(DATA[part.start : part.stop], data)


class FileStoreTest(CostsMixin):
    """A store with random access."""

    def make_image(self, client: http_client.WsgiClient) -> str:
        return client.create_image(DATA)

    @_settings
    @hypothesis.given(st.one_of(_some, _many))
    def test_bounds(self, specs: list[str]) -> None:
        self.check_bounds(specs)


class HttpStoreTest(CostsMixin):
    """A store without random access."""

    # And what is left to the end of the image, and of a chunk.
    max_discarded = MAX_DISCARDED + MAX_GAP + CHUNK_BYTES

    def make_image(self, client: http_client.WsgiClient) -> str:
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        image_id = client.create_image()
        client.add_location(image_id, web.url("/data"))
        return image_id

    @_settings
    @hypothesis.given(st.one_of(_some, _many))
    def test_bounds(self, specs: list[str]) -> None:
        self.check_bounds(specs)


del CostsMixin
