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

"""The guard against the installed Glance's own reading of requests.

For each generated request, Glance alone tells what it would do. The guard
must refuse the request if, and only if, that is a change of locations which
the image's status forbids (or a change of the image object itself), and must
not change anything about all others. It does not matter where in the pipeline
the guard stands.
"""

from __future__ import annotations

import collections
import itertools
from typing import Any

import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters.filters import location_guard
from glance_filters.tests.fixtures import recording_core, request_spellings

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
STATUSES = ("active", "queued", "saving")


def expected_refusal(
    record: recording_core.Record, image: Any, status: str
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
        if path[0] not in PROPERTIES and hasattr(image, path[0]):
            return 403
    for op, path, _ in record.changes:
        if path[0] == "locations" and status not in ALLOWED[op]:
            return 409
    return None


class MatchingTest(testtools.TestCase):
    """The guard acts exactly where Glance would."""

    def setUp(self) -> None:
        super().setUp()
        self.core = self.useFixture(recording_core.RecordingCore())
        self.alone = {
            layout: self.core.app(layout, "nowhere", None)
            for layout in ("composite", "pipeline")
        }
        factory = location_guard.LocationGuard.factory({})
        self.guarded = {
            place: self.core.app(*place, factory) for place in PLACES
        }

    def observe(
        self, app: Any, environ: dict[str, Any], status: str
    ) -> tuple[Any, list[recording_core.Record]]:
        """Send a request: its answer, and what reached the controllers."""
        records = self.core.records
        records.status = status
        records.calls.clear()
        request = request_spellings.fresh(environ)
        try:
            answer: Any = recording_core.call(app, request)
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
            refusal = expected_refusal(record, self.core.image, status)
        if refusal is not None:
            self.assertEqual(str(refusal), answer[0][:3], about)
            self.assertEqual([], asked, about)
            shown = {each.image_id for each in behind if each not in asked}
            self.assertEqual({record.image_id}, shown, about)
        elif not told and (alone[0][0] == "5" or b"too early" in answer[2]):
            # The core fails, or never looks at a body that the client did
            # not send whole; the guard may say so more clearly.
            self.assertIn(answer[0][:3], (alone[0][:3], "400", "503"), about)
            self.assertEqual([], asked, about)
        else:
            self.assertEqual(alone, answer, about)
            told = [each for each in told if each.action != "show"]
            self.assertEqual(told, asked, about)
        return refusal

    def test_each_spelling(self) -> None:
        turns = itertools.cycle(itertools.product(PLACES, STATUSES))
        refusals = collections.Counter(
            self.check(environ, *turn)
            for environ in request_spellings.singles()
            for turn in itertools.islice(turns, 5)
        )
        # The comparison is worth something only if there is much of each.
        for refusal in (None, 403, 409):
            self.assertGreater(refusals[refusal], 50, refusals)

    @hypothesis.given(
        request_spellings.environs(),
        st.sampled_from(PLACES),
        st.sampled_from(STATUSES),
    )
    def test_spellings_together(
        self,
        environ: dict[str, Any],
        place: tuple[str, str],
        status: str,
    ) -> None:
        self.check(environ, place, status)
