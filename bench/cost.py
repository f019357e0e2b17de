# SPDX-License-Identifier: Apache-2.0

"""What an operator asks: the cost of each kind of request, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import table

HEAD = ("Request", "Cost of the filters", "Reason")

_PASS = "Requests that are none of a filter's"
_PART = "Ranges: a stand-in that understands Range"
_GUARD = "Requests that location_guard locks and checks"
_CUT = "Ranges: a stand-in that does not"
_ADDED = "{} more"
_RATIO = "{} of the throughput"

# What is asked, the section, row and column that answer, the form of the
# answer, and the reason.
QUESTIONS = (
    (
        "any that concerns no filter",
        *(_PASS, "all four filters", "GET images", _ADDED),
        "each filter looks at the method and the path",
    ),
    (
        "the same, for comparison: keystonemiddleware's auth_token",
        *(_PASS, "keystonemiddleware auth_token, token cached"),
        *("GET images", _ADDED),
        "",
    ),
    (
        "download of a part",
        *(_PART, "1 KiB of the middle", "added", _ADDED),
        "one request to Glance, as without the filter",
    ),
    (
        "download of a part from a store without random access",
        *(_CUT, "64 KiB at the end, from a file", "throughput", _RATIO),
        "Glance reads up to the part (and answers 400 without the filter)",
    ),
    (
        "upload to the file store, inspected",
        *("Uploads", "raw, to Glance's file store", "throughput", _RATIO),
        "the data passes the inspectors",
    ),
    (
        "change of an image, workers of one host",
        *(_GUARD, "PATCH of the name, files", "added", _ADDED),
        "a lock, and a request to Glance for the image",
    ),
    (
        "the same, hosts that share a Redis",
        *(_GUARD, "PATCH of the name, Redis", "added", _ADDED),
        "a lock, and a request to Glance for the image",
    ),
    (
        "the same, hosts that share an etcd",
        *(_GUARD, "PATCH of the name, etcd", "added", _ADDED),
        "a lock, and a request to Glance for the image",
    ),
    (
        "change of the locations, workers of one host",
        *(_GUARD, "PATCH of the locations, files", "added", _ADDED),
        "the same",
    ),
    (
        "list of images, on a server under load",
        *(
            "End to end",
            "GET images",
            "ratio",
            "{} of the requests per second",
        ),
        "all four filters in the pipeline",
    ),
)


def rows(sections: Sequence[table.Section]) -> Iterator[table.Row]:
    """Yield the rows of the table.

    :param sections: of a whole run; that of a part that could not be measured
        here may be missing
    :raises KeyError: if a section lacks a row or column
    """
    by_title = {section.title: section for section in sections}
    for asked, title, row, column, form, reason in QUESTIONS:
        if title in by_title:
            section = by_title[title]
            cells = {each[0]: each for each in section.rows}[row]
            # In brackets is what only the detailed tables explain.
            cell = cells[list(section.head).index(column)].split(" (")[0]
            yield asked, form.format(cell), reason
