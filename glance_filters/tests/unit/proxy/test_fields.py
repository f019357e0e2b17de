# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.proxy import fields


class FieldsTest(testtools.TestCase):
    def test_tokens(self) -> None:
        for text, expected in (
            ("X-Auth-Token", True),
            ("a!#$%&'*+-.^_`|~9", True),
            ("", False),
            ("a b", False),
            ("a:", False),
            ("a\n", False),
            ("\u00e9", False),
        ):
            self.assertEqual(expected, fields.is_token(text), text)

    def test_values(self) -> None:
        for text, expected in (
            ("", True),
            ("a b\tc", True),
            ("\u00e9\u00ff", True),
            ("a\r\nb", False),
            ("a\n", False),
            ("a\0", False),
            ("a\x7f", False),
            ("\u0100", False),
        ):
            self.assertEqual(expected, fields.is_value(text), repr(text))

    def test_length(self) -> None:
        for text, expected in (
            ("0", True),
            ("9" * 18, True),
            ("9" * 19, False),
            ("", False),
            ("+1", False),
            ("1\n", False),
            ("\u0661", False),
        ):
            self.assertIs(expected, fields.is_length(text), repr(text))

    def test_unfold(self) -> None:
        self.assertEqual("a b c", fields.unfold("a\r\n  b\n\tc"))
        self.assertEqual("a\nb", fields.unfold("a\nb"))

    def test_connection_options(self) -> None:
        self.assertEqual(
            {"close", "x-a"}, fields.connection_options(" Close,, X-A ,")
        )

    def test_via(self) -> None:
        self.assertEqual("1.1 glance-filters", fields.via(None, "1.1"))
        self.assertEqual(
            "1.0 a, 1.1 glance-filters", fields.via("1.0 a", "1.1")
        )

    def test_forwarded(self) -> None:
        for address, node in (
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", '"[2001:db8::1]"'),
            ("", "unknown"),
        ):
            self.assertEqual(
                f'for={node};host="h:1";proto=http',
                fields.forwarded(address, "h:1", "http"),
            )

    def test_led_back(self) -> None:
        bases = ["http://u:9292/image", "http://h/image"]
        for url, expected in (
            ("http://u:9292/image/v2/", "https://h/p/v2/"),
            ("HTTP://U:9292/image", "https://h/p"),
            ("http://h/image?a", "https://h/p?a"),
            ("http://u:9292/imagery", "http://u:9292/imagery"),
            ("http://u:92920/image", "http://u:92920/image"),
            ("http://other/image/v2", "http://other/image/v2"),
        ):
            found = fields.led_back(url, bases, "https://h/p")
            self.assertEqual(expected, found, url)
