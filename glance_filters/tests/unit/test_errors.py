# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest

import webob.exc

from glance_filters import errors
from glance_filters.tests.unit import fakes
from glance_filters.wsgi import response


class AnswerTest(unittest.TestCase):
    def test_codes(self) -> None:
        for error, code in (
            (errors.LocationConflict("remove", "ID", "saving", ()), 409),
            (errors.ProtectedAttribute("base"), 403),
            (errors.BodyTooLarge(10), 413),
            (errors.BodyUnreadable("why"), 400),
            (errors.ImageUnknown("ID"), 503),
        ):
            with self.subTest(error):
                environ = fakes.environ_of("PATCH", "/")
                code_, _, body = fakes.call(
                    response.from_error(error), environ
                )
                self.assertEqual(code, code_)
                self.assertIn(str(error).encode(), body)

    def test_texts(self) -> None:
        for error, text in (
            (
                errors.LocationConflict(
                    "add", "ID", "saving", ("active", "queued")
                ),
                "The operation add on the locations of image ID conflicts "
                "with its status saving. Statuses in which it is allowed: "
                "active, queued.",
            ),
            (
                errors.LocationConflict("remove", "ID", "active", ()),
                "The operation remove on the locations of image ID conflicts "
                "with its status active. Statuses in which it is allowed: "
                "none.",
            ),
            (
                errors.ProtectedAttribute("base"),
                "base is not an image property and cannot be changed by a "
                "patch.",
            ),
            # What has no octets in UTF-8 does not break the answer.
            (
                errors.ProtectedAttribute("__\ud800\n"),
                "__\\ud800\\n is not an image property and cannot be "
                "changed by a patch.",
            ),
            (
                errors.BodyTooLarge(10),
                "The request body is larger than the limit of 10 bytes.",
            ),
            (
                errors.BodyUnreadable("why"),
                "The request body could not be read: why.",
            ),
            (
                errors.ImageBusy("{x}"),
                "Image {x} is being changed by another request. Retry later.",
            ),
            (
                errors.LocksUnavailable("ID"),
                "Could not lock image ID. Nothing was changed; retry later.",
            ),
            (
                errors.FormatsChanged("ID"),
                "The disk or container format of image ID changed while the "
                "upload was starting. Retry the upload.",
            ),
            (
                errors.ImageUnknown("ID"),
                "The state of image ID could not be determined. Nothing was "
                "changed; retry later.",
            ),
        ):
            with self.subTest(error):
                environ = fakes.environ_of(
                    "PATCH", "/", HTTP_ACCEPT="text/plain"
                )
                _, _, body = fakes.call(response.from_error(error), environ)
                self.assertIn(text, body.decode())

    def test_every_error_has_a_status(self) -> None:
        kinds = [errors.FilterError]
        for kind in kinds:
            kinds += kind.__subclasses__()
        for kind in kinds[1:]:
            if kind.__name__.startswith("_"):
                continue
            self.assertIn(int(kind.status), webob.exc.status_map, kind)

    def test_conditions_are_no_refusals(self) -> None:
        for error, code, headers in (
            (errors.NotModified([("ETag", '"x"')]), 304, [("ETag", '"x"')]),
            (errors.PreconditionFailed(), 412, []),
            (
                errors.RangeNotSatisfiable(7),
                416,
                [("Accept-Ranges", "bytes"), ("Content-Range", "bytes */7")],
            ),
            (
                errors.RangeNotSatisfiable(None),
                416,
                [("Accept-Ranges", "bytes")],
            ),
        ):
            self.assertFalse(error.is_refusal)
            app = response.from_error(error)
            captured = response.capture(
                app, fakes.environ_of("GET", "/", HTTP_ACCEPT="text/plain")
            )
            self.assertEqual(code, captured.code)
            for field in headers:
                self.assertIn(field, captured.headers)

    def test_no_text_is_escaped(self) -> None:
        """A browser, and Glance's own clients, get errors as HTML."""
        for error in (
            errors.LocationConflict("add", "ID", "saving", ("active",)),
            errors.ProtectedAttribute("__class__"),
            errors.ImageBusy("ID"),
            errors.LocksUnavailable("ID"),
            errors.DiskFormatNotAllowed("raw", ("qcow2",)),
            errors.DiskFormatNotAllowed(1, ()),
            errors.DiskFormatNotAllowed([], ()),
            errors.DiskFormatNotAllowed({}, ()),
            errors.ContentMismatch("raw", "qcow2"),
            errors.UnsafeContent("raw", "qcow2", "Image has a backing file"),
            errors.FormatsChanged("ID"),
            errors.LocationNotInspected(),
            errors.BodyTooLarge(1),
            errors.BodyUnreadable("it ended too early"),
            errors.ImageUnknown("ID"),
            errors.DeprecatedHeader(),
            errors.PreconditionFailed(),
            errors.RangeNotSatisfiable(1),
        ):
            environ = fakes.environ_of("PUT", "/", HTTP_ACCEPT="text/html")
            _, _, body = fakes.call(response.from_error(error), environ)
            self.assertIn(str(error), body.decode())

    def test_text_stands_alone(self) -> None:
        """Before a detail, webob puts what it thinks the status means."""
        for error in (
            errors.ContentMismatch("raw", "qcow2"),
            errors.ImageBusy("ID"),
            errors.ProtectedAttribute("base"),
        ):
            environ = fakes.environ_of("PUT", "/", HTTP_ACCEPT="text/plain")
            _, _, body = fakes.call(response.from_error(error), environ)
            title = f"{int(error.status)} {error.status.phrase}"
            self.assertEqual([title, str(error)], body.decode().split("\n\n"))

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
