# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest

from glance_filters import answers, errors
from glance_filters.tests.unit import fakes


class AnswerTest(unittest.TestCase):
    def test_codes(self) -> None:
        for error, code in (
            (errors.LocationConflict("remove", "ID", "saving", ()), 409),
            (errors.InternalName("base"), 403),
            (errors.BodyTooLarge(10), 413),
            (errors.BodyUnreadable("why"), 400),
            (errors.ImageUnknown("ID"), 503),
        ):
            with self.subTest(error):
                environ = fakes.environ_of("PATCH", "/")
                code_, _, body = fakes.call(answers.answer(error), environ)
                self.assertEqual(code, code_)
                self.assertIn(str(error).encode(), body)

    def test_texts(self) -> None:
        for error, text in (
            (
                errors.LocationConflict(
                    "add", "ID", "saving", ("active", "queued")
                ),
                "Operation 'add' on the locations of image ID conflicts "
                "with its status 'saving'. Statuses in which it is allowed: "
                "active, queued.",
            ),
            (
                errors.LocationConflict("remove", "ID", "active", ()),
                "Operation 'remove' on the locations of image ID conflicts "
                "with its status 'active'. Statuses in which it is allowed: "
                "none.",
            ),
            (
                errors.InternalName("base"),
                "'base' is not an image property and cannot be changed by a "
                "patch.",
            ),
            # What has no octets in UTF-8 does not break the answer.
            (
                errors.InternalName("__\ud800\n"),
                "'__\\ud800\\n' is not an image property and cannot be "
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
                errors.ImageUnknown("ID"),
                "The state of image ID could not be determined, so the "
                "request cannot be carried out now. Please try again later.",
            ),
        ):
            with self.subTest(error):
                environ = fakes.environ_of(
                    "PATCH", "/", HTTP_ACCEPT="text/plain"
                )
                _, _, body = fakes.call(answers.answer(error), environ)
                self.assertIn(text, body.decode())

    def test_every_error_has_an_answer(self) -> None:
        for error in errors.FilterError.__subclasses__():
            self.assertIn(error, answers._ANSWERS)

    def test_forms(self) -> None:
        error = errors.InternalName("a&b")
        for accept, expected in (
            (None, b"'a&b' is not"),
            ("text/plain", b"'a&b' is not"),
            ("text/html", b"a&amp;b"),
        ):
            environ = fakes.environ_of("PATCH", "/")
            if accept is not None:
                environ["HTTP_ACCEPT"] = accept
            with self.subTest(accept):
                _, _, body = fakes.call(answers.answer(error), environ)
                self.assertIn(expected, body)
        environ = fakes.environ_of(
            "PATCH", "/", HTTP_ACCEPT="application/json"
        )
        _, _, body = fakes.call(answers.answer(error), environ)
        self.assertIn("403", json.loads(body)["code"])
