# SPDX-License-Identifier: Apache-2.0

"""The filters against the installed Glance's own reading of requests.

For each generated request, Glance alone tells what it would do. A filter
must refuse the request if, and only if, that is what it is to forbid, and
must not change anything about all others. It does not matter where in the
pipeline the filter stands.

``location_guard`` forbids a change of locations which the image's status does
not allow, and a change of the image object itself; ``disk_format_validator``
forbids a disk format that is not on its list.
"""

from __future__ import annotations

import collections
import itertools
import urllib.parse
from typing import Any, ClassVar

import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters import errors, tests
from glance_filters.filters import base, disk_format_validator, location_guard
from glance_filters.glance_api import framing
from glance_filters.tests.fixtures import (
    disk_format_spellings,
    recording_glance,
    request_spellings,
)

# Where the guard can stand, in each layout of the pipeline.
PLACES = [
    (layout, position)
    for layout in ("composite", "pipeline")
    for position in (
        "outermost",
        "before-negotiation",
        "after-negotiation",
        "inside",
    )
]
ALLOWED = {
    "remove": ("active",),
    "replace": ("active", "queued"),
    "add": ("active", "queued"),
    "add_location": ("queued",),
    "delete_from_store": ("active",),
}
# What the generated patches name that is a property of the image.
PROPERTIES = ("locations", "name", "tags", "status")
# Some releases have attributes of these names; with all others it is refused
# as well.
ATTRIBUTES_ELSEWHERE = ("member",)
STATUSES = ("active", "queued", "saving")
TURNS = list(itertools.product(PLACES, STATUSES))
# In how many of them each spelling is sent.
TURNS_EACH = len(TURNS) if tests.IS_LONG else 4


def is_malformed(environ: dict[str, Any]) -> bool:
    """Return True if a filter refuses a request of its own for its form."""
    try:
        framing.check(environ)
        urllib.parse.unquote(environ.get("QUERY_STRING", ""), errors="strict")
        environ["PATH_INFO"].encode("latin-1").decode()
    except (errors.BadRequest, UnicodeDecodeError):
        return True
    return False


def expected_refusal(
    record: recording_glance.Record, image: Any, status: str
) -> int | None:
    """Return the status code by which the guard must refuse, if it must.

    :param record: what Glance alone does
    :param image: an object as Glance's controller has it for an image
    :param status: the image's status
    """
    if record.controller != "ImagesController":
        return None
    if record.action != "update":
        allowed = ALLOWED.get(record.action)
        return 409 if allowed and status not in allowed else None
    for _, path, _ in record.changes:
        if path[0] in ATTRIBUTES_ELSEWHERE or (
            path[0] not in PROPERTIES and hasattr(image, path[0])
        ):
            return 403
    for op, path, _ in record.changes:
        if path[0] == "locations" and status not in ALLOWED[op]:
            return 409
    return None


class MatchingCase(testtools.TestCase):
    """A filter acts exactly where Glance would."""

    filter_class: type[base.Filter[Any]]
    # How many of the plain requests with one odd thing end how, at least.
    codes: ClassVar[dict[int | None, int]]
    glance: recording_glance.RecordingGlance

    def expected(
        self, record: recording_glance.Record, status: str
    ) -> int | None:
        """Return the code by which the filter must refuse, if it must."""
        raise NotImplementedError

    def requests(self, environ: dict[str, Any]) -> list[dict[str, Any]]:
        """Return requests of this filter, spelled as *environ* is."""
        return [environ]

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(recording_glance.RecordingGlance())
        self.alone = {
            layout: self.glance.app(layout, "nowhere", None)
            for layout in ("composite", "pipeline")
        }
        factory = self.filter_class.factory({})
        self.guarded = {
            place: self.glance.app(*place, factory) for place in PLACES
        }

    def observe(
        self, app: Any, environ: dict[str, Any], status: str
    ) -> tuple[Any, list[recording_glance.Record]]:
        """Send a request: its answer, and what reached the controllers."""
        records = self.glance.records
        records.status = status
        records.calls.clear()
        request = request_spellings.fresh(environ)
        try:
            answer: Any = recording_glance.call(app, request)
        except Exception as error:
            # A server makes a 500 of it.
            answer = (f"500 {type(error).__name__}", [], b"")
        return answer, list(records.calls)

    def check(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> int | None:
        """Compare; return the code by which the request must be refused."""
        about = f"{place} {status} {environ}"
        alone, told = self.observe(self.alone[place[0]], environ, status)
        answer, behind = self.observe(self.guarded[place], environ, status)
        asked = [each for each in behind if each.action != "show"]
        refusal = None
        for record in told:
            refusal = self.expected(record, status)
        if is_malformed(environ) and answer[0][:3] == "400":
            # The image may have been looked up first.
            self.assertEqual([], asked, about)
        elif refusal is not None:
            self.assertFalse(is_malformed(environ), about)
            self.assertEqual(str(refusal), answer[0][:3], about)
            self.assertEqual([], asked, about)
            shown = {each.image_id for each in behind if each not in asked}
            self.assertLessEqual(shown, {record.image_id}, about)
        elif not told and (alone[0][0] == "5" or b"too early" in answer[2]):
            # Glance fails, or never looks at a body that the client did
            # not send whole; the guard may say so more clearly.
            self.assertIn(answer[0][:3], (alone[0][:3], "400", "503"), about)
            self.assertEqual([], asked, about)
        elif answer[0][:3] == "400" and alone[0][:3] in ("300", "404"):
            # A version or path that this Glance does not know: a filter that
            # asks it nothing may refuse what it would not do.
            self.assertEqual([], behind, about)
        else:
            self.assertEqual(alone, answer, about)
            told = [each for each in told if each.action != "show"]
            self.assertEqual(told, asked, about)
        return refusal

    def test_each_spelling(self) -> None:
        turns = itertools.cycle(TURNS)
        codes = collections.Counter(
            self.check(request, *turn)
            for environ in request_spellings.singles()
            for request in self.requests(environ)
            for turn in itertools.islice(turns, TURNS_EACH)
        )
        # The comparison is worth something only if there is much of each.
        for code, least in self.codes.items():
            self.assertGreater(codes[code], least, str(codes))

    def check_all(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> None:
        for request in self.requests(environ):
            self.check(request, place, status)


EACH_TOGETHER = hypothesis.given(
    request_spellings.environs(),
    st.sampled_from(PLACES),
    st.sampled_from(STATUSES),
)


class LocationGuardTest(MatchingCase):
    filter_class = location_guard.LocationGuard
    codes: ClassVar = {None: 50, 403: 50, 409: 50}

    def expected(
        self, record: recording_glance.Record, status: str
    ) -> int | None:
        return expected_refusal(record, self.glance.image, status)

    # Hypothesis will not have one test of two classes.
    @EACH_TOGETHER
    def test_spellings_together(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> None:
        self.check_all(environ, place, status)


class DiskFormatValidatorTest(MatchingCase):
    filter_class = disk_format_validator.DiskFormatValidator
    codes: ClassVar = {None: 50, 400: 50}

    def expected(
        self, record: recording_glance.Record, status: str
    ) -> int | None:
        return 400 if set(map(str, record.disk_formats)) - {"None"} else None

    def requests(self, environ: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            disk_format_spellings.of(environ, collection)
            for collection in ("images", "tasks")
        ]

    @EACH_TOGETHER
    def test_spellings_together(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> None:
        self.check_all(environ, place, status)


# It is for the subclasses alone.
del MatchingCase
