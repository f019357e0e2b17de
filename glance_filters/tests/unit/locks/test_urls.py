# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.locks import urls


class OriginalError(Exception):
    """What SQLAlchemy wraps: the driver's own error is ``orig``."""

    def __init__(self, orig: Exception) -> None:
        super().__init__("[SQL: SELECT 1]")
        self.orig = orig


class DetailError(Exception):
    """An error of etcd3gw, which has no text."""

    def __init__(self, detail_text: str) -> None:
        super().__init__()
        self.detail_text = detail_text


def caused(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


class UrlTest(testtools.TestCase):
    def test_secrets_are_hidden(self) -> None:
        for url, text, described in (
            ("redis://:pw1@host", "no pw1 here", "no *** here"),
            ("redis://u:p%40w@host", "p@w and p%40w", "*** and ***"),
            ("redis://h?sentinel_password=x1&a=b", "x1 b", "*** b"),
            ("redis://h?Passwd=x%2f1", "x/1", "***"),
            ("redis://:ab@h?ssl_password=abc", "abc ab", "*** ***"),
            ("redis://host", "nothing in the text", "nothing in the text"),
        ):
            with self.subTest(url):
                error = ValueError(text)
                self.assertEqual(
                    described, urls.ServerUrl(url).describe(error)
                )

    def test_no_url(self) -> None:
        for url in (
            "redis://:se/cret@host:6379",
            "redis://:secret@host:port",
            "redis://[secret",
            "redis://:secret\u2100@host",
        ):
            with self.subTest(url):
                error = self.assertRaises(ValueError, urls.ServerUrl, url)
                self.assertNotIn("se", str(error).replace("be percent", ""))
                self.assertIsNone(error.__cause__)
                self.assertTrue(error.__suppress_context__)

    def test_the_text_of_an_error(self) -> None:
        url = urls.ServerUrl("redis://host")
        for text, error in (
            ("a", ValueError("a")),
            ("a b", ValueError("a\n  b\n")),
            ("ValueError", ValueError()),
            (
                "deep",
                caused(ValueError(), caused(KeyError(), OSError("deep"))),
            ),
            ("driver", OriginalError(OSError("driver"))),
            ("detail", caused(ValueError(), DetailError("detail"))),
        ):
            with self.subTest(text):
                self.assertEqual(text, url.describe(error))

    def test_of_what_was_handled(self) -> None:
        url = urls.ServerUrl("redis://host")
        try:
            try:
                raise OSError("handled")
            except OSError:
                raise ValueError from None
        except ValueError as error:
            self.assertEqual("handled", url.describe(error))

    def test_parts(self) -> None:
        url = urls.ServerUrl("etcd3+http://host:1?timeout=3&timeout=4")
        self.assertEqual("etcd3+http", url.scheme)
        self.assertEqual({"timeout": ["3", "4"]}, url.query)
