# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import argparse
import io
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.cmd import serve
from glance_filters.proxy import settings


class ServeTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.stderr = io.StringIO()
        self.useFixture(fixtures.MonkeyPatch("sys.stderr", self.stderr))

    def parse(self, *arguments: str) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        serve.add_parser(parser.add_subparsers())
        return parser.parse_args(["serve", *arguments])

    def test_arguments(self) -> None:
        url = "http://127.0.0.1:9292"
        for arguments, expected in (
            ((), {}),
            (("--threads=3",), {"pool_size": 3}),
            (("--connect-timeout=0.5",), {"connect_timeout": 0.5}),
            (("--read-timeout=60",), {"read_timeout": 60.0}),
            (("--insecure",), {"verify": False}),
            (("--ca-file=/ca.pem",), {"ca_file": "/ca.pem"}),
            (("--upstream-host",), {"preserve_host": False}),
        ):
            options = self.parse(f"--upstream={url}", *arguments)
            members: dict[str, Any] = expected
            self.assertEqual(
                settings.Settings(url, **members),
                serve.proxy_settings(options),
            )

    def test_wrong(self) -> None:
        for arguments, expected in (
            (["--upstream=nowhere"], "upstream must be http://"),
            (["--upstream=http://h", "--read-timeout=0"], "read_timeout"),
            (["--upstream=http://h", "--threads=0"], "pool_size"),
        ):
            self.assertEqual(2, serve.run(self.parse(*arguments)))
            self.assertIn(expected, self.stderr.getvalue())

    def test_without_gunicorn(self) -> None:
        with mock.patch.dict("sys.modules", {"gunicorn": None}):
            self.assertEqual(2, serve.run(self.parse("--upstream=http://h")))
        self.assertEqual(
            "gunicorn is needed: install glance-filters[serve]\n",
            self.stderr.getvalue(),
        )

    def test_without_an_upstream(self) -> None:
        self.assertRaises(SystemExit, self.parse)
