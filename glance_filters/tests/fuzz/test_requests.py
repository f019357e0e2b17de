# SPDX-License-Identifier: Apache-2.0

"""Requests with odd things anywhere, against Glance's own reading of them.

Each is one that speaks of locations (:mod:`request_spellings`), with some of
its texts bent.
"""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies as st

from glance_filters.tests import fuzz
from glance_filters.tests.fixtures import matching_case, request_spellings

_KEYS = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"),
    *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_ACCEPT"),
    "HTTP_TRANSFER_ENCODING",
)
_ODD = st.one_of(
    st.sampled_from(
        (
            *("", " ", "\t", "\n", "\r\n", "\0", "/", "//", "~1", "~0", "%2F"),
            *(
                ".",
                "..",
                ";",
                ",",
                "=",
                "&",
                "?",
                "#",
                "+",
                '"',
                "\\",
                "{",
                "]",
            ),
            *(
                "_method=PATCH",
                "&_method=GET",
                "v2",
                "/v2",
                "images",
                "http://",
            ),
            *("locations", "\xe9", "\xc3\xa9", "\xa0", "\x85", "\x1f", "\x7f"),
            *("q=0", "charset=utf-16", "chunked", "0", "1", "null", "\\u0000"),
        )
    ),
    st.characters(max_codepoint=0xFF),
)


def bent(draw: st.DrawFn, text: str) -> str:
    """Return a text of octets with something odd in it."""
    place = draw(st.integers(0, len(text)))
    rest = text[place + draw(st.integers(0, 2)) :]
    return text[:place] + draw(_ODD) + rest


@st.composite
def environs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a request; one text in it, or two, or none, is bent."""
    environ = draw(request_spellings.environs())
    for key in draw(st.lists(st.sampled_from((*_KEYS, "body")), max_size=2)):
        if key != "body":
            environ[key] = bent(draw, environ.get(key, ""))
            continue
        body: bytes = environ["test.body"]
        if len(body) > 10_000:
            continue
        new = bent(draw, body.decode("latin-1")).encode("latin-1")
        environ["test.body"] = new
        if environ.get("CONTENT_LENGTH") == str(len(body)):
            environ["CONTENT_LENGTH"] = str(len(new))
    return environ


EACH = hypothesis.given(environs(), st.sampled_from(matching_case.PLACES))


class LocationGuardTest(matching_case.LocationGuardCase):
    @hypothesis.settings(max_examples=fuzz.examples(quick=40, long=5000))
    @EACH
    def test_requests(
        self, environ: dict[str, Any], place: tuple[str, str]
    ) -> None:
        for status in matching_case.STATUSES:
            fuzz.count("requests")
            self.check(environ, place, status)


class DiskFormatValidatorTest(matching_case.DiskFormatValidatorCase):
    @hypothesis.settings(max_examples=fuzz.examples(quick=40, long=5000))
    @EACH
    def test_requests(
        self, environ: dict[str, Any], place: tuple[str, str]
    ) -> None:
        for request in self.requests(environ):
            fuzz.count("requests")
            self.check(request, place, "active")
