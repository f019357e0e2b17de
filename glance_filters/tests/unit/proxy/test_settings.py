# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses

import testtools

from glance_filters.proxy import settings

URL = "http://127.0.0.1:9292"


class ReadTest(testtools.TestCase):
    def test_defaults(self) -> None:
        found = settings.read({"upstream": URL})
        self.assertEqual(
            {
                "upstream": URL,
                "pool_size": 128,
                "connect_timeout": 5.0,
                "read_timeout": 300.0,
                "verify": True,
                "ca_file": None,
                "preserve_host": True,
            },
            dataclasses.asdict(found),
        )

    def test_values(self) -> None:
        section = {
            "upstream": "https://glance.test/x/",
            "pool_size": "3",
            "connect_timeout": "0.5",
            "read_timeout": "60",
            "verify": "false",
            "ca_file": "/ca.pem",
            "preserve_host": "no",
        }
        expected = settings.Settings(
            "https://glance.test/x", 3, 0.5, 60.0, False, "/ca.pem", False
        )
        self.assertEqual(expected, settings.read(section))

    def test_what_is_wrong_is_named(self) -> None:
        for name, value, named in (
            ("upstreams", URL, "upstreams"),
            ("pool_size", "many", "pool_size = many"),
            ("pool_size", "0", "pool_size"),
            ("pool_size", "1000000", "pool_size"),
            ("connect_timeout", "-1", "connect_timeout"),
            ("read_timeout", "0", "read_timeout"),
            ("read_timeout", "nan", "read_timeout"),
            ("read_timeout", "inf", "read_timeout"),
            ("verify", "perhaps", "verify = perhaps"),
        ):
            section = {"upstream": "https://h", name: value}
            error = self.assertRaises(
                settings.SettingsError, settings.read, section
            )
            self.assertIn(named, str(error))

    def test_bounds(self) -> None:
        for name, value in (
            ("pool_size", "1"),
            ("pool_size", "999999"),
            ("connect_timeout", "0.001"),
            ("read_timeout", "999999.5"),
        ):
            found = settings.read({"upstream": URL, name: value})
            self.assertEqual(float(value), getattr(found, name))

    def test_upstreams(self) -> None:
        for url in (
            *("", "glance.test:9292", "//glance.test", "ftp://glance.test"),
            *("http://", "http://:9292", "http://h:x", "http://h:0"),
            *("http://h:70000", "http://u:p@h", "http://h/?a", "http://h/#a"),
            *("http://h/a b", "http://h/\n", "http://h\u00e9/", "http://[h/"),
            *("http://a..b", "http://.", f"http://{64 * 'a'}.test"),
            *("http://a%b", "http://a%41"),
        ):
            self.assertRaises(
                settings.SettingsError, settings.read, {"upstream": url}
            )
        self.assertRaises(settings.SettingsError, settings.read, {})
        for url in (
            *("http://a_b.test.", f"http://{63 * 'a'}.test", "http://[::1]:1"),
            *("http://[fe80::1%25eth0]", "http://h/a%20b"),
        ):
            found = settings.read({"upstream": url})
            self.assertEqual(url, found.upstream)
