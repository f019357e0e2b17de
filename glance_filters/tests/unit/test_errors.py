# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest

from glance_filters import errors
from glance_filters.tests.unit import fakes
from glance_filters.wsgi import response

RETRY = ("Retry-After", "10")
RANGES = ("Accept-Ranges", "bytes")

# Each error, the status code and the header fields of its answer, its text.
EVERY = (
    (
        errors.LocationConflict("add", "ID", "saving", ("active", "queued")),
        409,
        (),
        "The operation add on the locations of image ID conflicts with its "
        "status saving. Statuses in which it is allowed: active, queued.",
    ),
    (
        errors.LocationConflict("remove", "ID", "active", ()),
        409,
        (),
        "The operation remove on the locations of image ID conflicts with its "
        "status active. Statuses in which it is allowed: none.",
    ),
    (
        errors.ProtectedAttribute("__class__"),
        403,
        (),
        "__class__ is not an image property and cannot be changed by a patch.",
    ),
    # What has no octets in UTF-8 does not break the answer.
    (
        errors.ProtectedAttribute("__\ud800\n"),
        403,
        (),
        "__\\ud800\\n is not an image property and cannot be changed by a "
        "patch.",
    ),
    (
        errors.ImageBusy("{x}"),
        409,
        (("Retry-After", "1"),),
        "Image {x} is being changed by another request. Retry later.",
    ),
    (
        errors.ImageInTransfer("ID", "imported"),
        409,
        (RETRY,),
        "The data of image ID is being imported, and the end of that would "
        "undo this change. Retry later.",
    ),
    (
        errors.LocksUnavailable("ID"),
        503,
        (RETRY,),
        "Could not lock image ID. Nothing was changed; retry later.",
    ),
    *(
        (
            errors.DiskFormatNotAllowed(value, allowed),
            400,
            (),
            f"Disk format {shown} is not allowed. Allowed disk formats: "
            f"{', '.join(allowed) or 'none'}.",
        )
        for value, shown, allowed in (
            ("raw", "raw", ("iso", "qcow2")),
            ("\xe9", "\\xe9", ("qcow2",)),
            ("x" * 300, "x" * 255, ("qcow2",)),
            (1, "1", ()),
            (None, "null", ()),
            (["raw"], "array", ()),
            ({"raw": 1}, "object", ()),
        )
    ),
    (
        errors.ContentMismatch("raw", "qcow2"),
        415,
        (),
        "The uploaded data is qcow2, but the disk_format of the image is raw.",
    ),
    (
        errors.UnsafeContent("raw", "qcow2", "Image has a backing file"),
        415,
        (),
        "The uploaded data is qcow2 and is not safe: Image has a backing "
        "file. The disk_format of the image is raw.",
    ),
    (
        errors.LocationNotInspected(),
        403,
        (),
        "New locations of images are not allowed, as the data behind them is "
        "not inspected. Upload or import the data.",
    ),
    (
        errors.FormatsChanged("ID"),
        409,
        (),
        "The disk or container format of image ID changed while the upload "
        "was starting. Retry the upload.",
    ),
    (
        errors.BodyTooLarge(10),
        413,
        (),
        "The request body is larger than the limit of 10 bytes.",
    ),
    (errors.BadRequest("Why it is"), 400, (), "Why it is."),
    (
        errors.BodyUnreadable("why"),
        400,
        (),
        "The request body could not be read: why.",
    ),
    (
        errors.ImageUnknown("ID"),
        503,
        (),
        "The state of image ID could not be determined. Nothing was changed; "
        "retry later.",
    ),
    (
        errors.DeprecatedHeader(),
        400,
        (),
        "Content-Range is not valid in a request; use Range.",
    ),
    (
        errors.NotModified([("ETag", '"x"')]),
        304,
        (("ETag", '"x"'),),
        "The client has the current data already.",
    ),
    (
        errors.PreconditionFailed(),
        412,
        (),
        "The image is not the one that If-Match names.",
    ),
    (
        errors.RangeNotSatisfiable(7),
        416,
        (RANGES, ("Content-Range", "bytes */7")),
        "The requested range is not within the image of 7 bytes.",
    ),
    (
        errors.RangeNotSatisfiable(None),
        416,
        (RANGES,),
        "The requested range is not within the image.",
    ),
)
CONDITIONS = (
    errors.NotModified,
    errors.PreconditionFailed,
    errors.RangeNotSatisfiable,
)


class AnswerTest(unittest.TestCase):
    def test_each(self) -> None:
        for error, code, headers, text in EVERY:
            with self.subTest(repr(error)):
                self.assertEqual(text, str(error))
                is_condition = isinstance(error, CONDITIONS)
                self.assertIs(not is_condition, error.is_refusal)
                environ = fakes.environ_of(
                    "PUT", "/", HTTP_ACCEPT="text/plain"
                )
                captured = response.capture(
                    response.from_error(error), environ
                )
                self.assertEqual(code, captured.code)
                self.assertLessEqual(set(headers), set(captured.headers))
                body = (captured.read(1000) or b"").decode()
                if code == 304:
                    self.assertEqual("", body)
                    continue
                # Alone: before a detail, webob puts what it thinks the
                # status means.
                title, _, rest = body.partition("\n\n")
                self.assertEqual((str(code), text), (title[:3], rest))
                # A browser, and Glance's own clients, get errors as HTML.
                environ["HTTP_ACCEPT"] = "text/html"
                _, _, html = fakes.call(response.from_error(error), environ)
                self.assertIn(text, html.decode())

    def test_none_is_missing(self) -> None:
        kinds = [errors.FilterError]
        for kind in kinds:
            kinds += kind.__subclasses__()
        named = {
            kind
            for kind in kinds[1:]
            if kind.__module__ == errors.__name__
            and not kind.__name__.startswith("_")
        }
        self.assertEqual(named, {type(row[0]) for row in EVERY})

    def test_forms(self) -> None:
        error = errors.ProtectedAttribute("a&b")
        for accept, expected in (
            (None, b"a&b is not"),
            ("text/plain", b"a&b is not"),
            ("text/html", b"a&amp;b"),
        ):
            environ = fakes.environ_of("PATCH", "/")
            if accept is not None:
                environ["HTTP_ACCEPT"] = accept
            with self.subTest(accept):
                _, _, body = fakes.call(response.from_error(error), environ)
                self.assertIn(expected, body)
        environ = fakes.environ_of(
            "PATCH", "/", HTTP_ACCEPT="application/json"
        )
        _, _, body = fakes.call(response.from_error(error), environ)
        self.assertIn("403", json.loads(body)["code"])
