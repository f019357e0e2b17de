# SPDX-License-Identifier: Apache-2.0

"""What an operator asks: the cost of each kind of request, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import fairness, real_changes, table

HEAD = ("Request", "Cost of the filters", "Reason")

_PASS = "Requests that are none of a filter's"
_RANGES = "Ranges on real Glance"
_CUT = "Ranges: a stand-in that does not"
_GUARD = "Requests that location_guard locks and checks"
_ADDED = "{} more"
_RATIO = "{} of the throughput"

# Of a request, and of one that Glance alone takes for the same.
_REAL = (
    real_changes.TITLE,
    ("ratio", "Glance calls", "SQL with", "SQL alone"),
    "{} times the processor time; calls of Glance: {} (alone 1); SQL "
    "statements: {} (alone {})",
)
_PART = (
    _RANGES,
    ("ratio", "Glance calls"),
    "{} times the processor time; calls of Glance: {}",
)

# What is asked, the row that answers, its section, its columns, the form of
# the answer, and the reason.
QUESTIONS = (
    (
        "any that concerns no filter",
        "all four filters",
        *(_PASS, ("GET images",), _ADDED),
        "each filter looks at the method and the path",
    ),
    (
        "the same, for comparison: keystonemiddleware's auth_token",
        "keystonemiddleware auth_token, token cached",
        *(_PASS, ("GET images",), _ADDED),
        "",
    ),
    (
        "list of images, on a server under load",
        "GET images",
        *("End to end", ("ratio",), "{} of the requests per second"),
        "all four filters in the pipeline",
    ),
    (
        "download, 10 kB",
        "GET file, 10 kB",
        *_REAL,
        "the entity tag, and the length",
    ),
    (
        "download that the client has already (304)",
        "GET file, not modified (beside GET file)",
        *_REAL,
        "Glance is asked, but no data is read",
    ),
    (
        "HEAD of a download (Glance alone: GET of the image)",
        "HEAD file (beside GET image)",
        *_REAL,
        "answered as GET, without reading data",
    ),
    ("download of a part", "one range", *_PART, "one request to Glance"),
    (
        "100 near parts in one request, beside one part",
        "100 near ranges of 1 byte (beside one)",
        *_PART,
        "what lies between them is read, and left out",
    ),
    (
        "100 parts that make up the image, beside the whole",
        "100 ranges, all but a byte between two (beside GET)",
        *_PART,
        "the same",
    ),
    (
        "download of a part from a store without random access",
        "64 KiB at the end, from a file",
        *(_CUT, ("throughput",), _RATIO),
        "Glance reads up to the part (and answers 400 without the filter)",
    ),
    (
        "upload of 10 kB",
        "PUT file, 9.77 KiB",
        *_REAL,
        "two looks at the formats of the image, one at the image within its "
        "lock",
    ),
    ("upload of 8 MiB", "PUT file, 8 MiB", *_REAL, "the same, and inspection"),
    (
        "upload of large images to the file store, inspected",
        "raw, to Glance's file store",
        *("Uploads", ("throughput",), _RATIO),
        "the data passes the inspectors",
    ),
    (
        "change of the name",
        "PATCH name",
        *_REAL,
        "a lock of files, and a look at the image",
    ),
    (
        "the same, the lock alone: workers of one host",
        "PATCH of the name, files",
        *(_GUARD, ("lock alone",), "{}"),
        "",
    ),
    (
        "the same, hosts that share a Redis",
        "PATCH of the name, Redis",
        *(_GUARD, ("lock alone",), "{}"),
        "",
    ),
    (
        "the same, hosts that share an etcd",
        "PATCH of the name, etcd",
        *(_GUARD, ("lock alone",), "{}"),
        "",
    ),
    (
        "change of the locations",
        "PATCH replace location",
        *_REAL,
        "a lock, and a look at the image",
    ),
    ("a tag", "PUT tag", *_REAL, "the same"),
    (
        "start of an import, with its task",
        "POST import (glance-direct), and its task",
        *_REAL,
        "the same",
    ),
    ("deactivation", "POST deactivate", *_REAL, "the same"),
    ("deletion", "DELETE image", *_REAL, "the same"),
    (
        "the owner's change of an image that ten strangers want to change",
        "ten clients of another project",
        *(
            fairness.TITLE,
            ("ratio",),
            "waits for {} times as long as the lock is held at a time",
        ),
        "strangers have a line of their own",
    ),
)


def rows(sections: Sequence[table.Section]) -> Iterator[table.Row]:
    """Yield the rows of the table.

    :param sections: of a whole run; that of a part that could not be measured
        here may be missing
    :raises KeyError: if a section lacks a row or column
    """
    by_title = {section.title: section for section in sections}
    for asked, row, title, columns, form, reason in QUESTIONS:
        if title in by_title:
            section = by_title[title]
            cells = {each[0]: each for each in section.rows}[row]
            # In brackets is what only the detailed tables explain.
            answers = [
                cells[list(section.head).index(column)].split(" (")[0]
                for column in columns
            ]
            yield asked, form.format(*answers), reason
