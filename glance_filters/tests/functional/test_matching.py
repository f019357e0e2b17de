# SPDX-License-Identifier: Apache-2.0

"""The filters against the installed Glance's own reading of requests.

For each generated request, Glance alone tells what it would do.

``location_guard`` forbids a change of locations which the image's status does
not allow, and a change of the image object itself; ``disk_format_validator``
forbids a disk format that is not on its list.
"""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st

from glance_filters.tests.fixtures import matching_case, request_spellings

EACH_TOGETHER = hypothesis.given(
    request_spellings.environs(),
    st.sampled_from(matching_case.PLACES),
    st.sampled_from(matching_case.STATUSES),
)


class LocationGuardTest(matching_case.LocationGuardCase):
    def test_each_spelling(self) -> None:
        self.check_each_spelling()

    # Hypothesis will not have one test of two classes.
    @EACH_TOGETHER
    def test_spellings_together(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> None:
        self.check_all(environ, place, status)


class DiskFormatValidatorTest(matching_case.DiskFormatValidatorCase):
    def test_each_spelling(self) -> None:
        self.check_each_spelling()

    @EACH_TOGETHER
    def test_spellings_together(
        self, environ: dict[str, Any], place: tuple[str, str], status: str
    ) -> None:
        self.check_all(environ, place, status)
