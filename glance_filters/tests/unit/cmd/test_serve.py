# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import argparse
import io
import os
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters import proxy
from glance_filters.cmd import serve
from glance_filters.filters import configuration, standalone
from glance_filters.proxy import settings
from glance_filters.tests.fixtures import optional

# An old urllib3 comes with old releases of Glance.
_WITH_PROXY = optional.needs(
    "glance_filters.proxy.upstream", "urllib3 2.2 or newer"
)


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

    def test_workers(self) -> None:
        """There is one for each processor, if these can be counted."""
        for count, expected in ((None, 1), (3, 3)):
            with mock.patch("os.cpu_count", return_value=count):
                options = self.parse("--upstream=http://h")
            self.assertEqual(expected, options.workers)

    @optional.needs("gunicorn", "gunicorn")
    def test_wrong(self) -> None:
        for arguments, expected in (
            (["--upstream=nowhere"], "upstream must be http://"),
            (["--upstream=http://h", "--read-timeout=0"], "read_timeout"),
            (["--upstream=http://h", "--threads=0"], "pool_size"),
            (["--upstream=http://h", "--workers=0"], "workers must be"),
        ):
            options = self.parse(*arguments)
            self.assertEqual(2, options.run(options))
            self.assertIn(expected, self.stderr.getvalue())

    def test_without_gunicorn(self) -> None:
        # Also where another test has imported it.
        hidden = {"gunicorn": None, "gunicorn.app": None}
        with mock.patch.dict("sys.modules", hidden):
            self.assertEqual(2, serve.run(self.parse("--upstream=http://h")))
        self.assertEqual(
            "gunicorn is needed: install glance-filters[serve]\n",
            self.stderr.getvalue(),
        )

    def serve(self, known: set[str], *arguments: str) -> Any:
        """Run the command; return the server, which does not serve."""
        servers = []

        class BaseApplication:
            def __init__(self) -> None:
                self.cfg = mock.Mock(settings=known)
                self.load_config()

            def load_config(self) -> None:
                raise NotImplementedError

            def run(self) -> None:
                servers.append(self)

        base = mock.Mock(BaseApplication=BaseApplication)
        package = mock.Mock(base=base)
        modules = {"gunicorn": package, "gunicorn.app": package}
        with mock.patch.dict("sys.modules", modules):
            self.assertEqual(0, serve.run(self.parse(*arguments)))
        (server,) = servers
        return server

    @_WITH_PROXY
    def test_what_is_served(self) -> None:
        made = self.useFixture(
            fixtures.MockPatchObject(standalone, "in_front_of")
        ).mock
        every = {
            *("bind", "workers", "worker_class", "threads", "accesslog"),
            *("limit_request_line", "limit_request_field_size"),
        }
        url = "--upstream=http://127.0.0.1:9292"
        for arguments, changed in (
            ((), {}),
            (
                ("--listen=h:1", "--workers=3", "--threads=5"),
                {"bind": "h:1", "workers": 3, "threads": 5},
            ),
        ):
            server = self.serve(every, url, *arguments)
            expected = {
                "bind": "127.0.0.1:9393",
                "workers": os.cpu_count(),
                "worker_class": "gthread",
                "threads": 128,
                "accesslog": "-",
                "limit_request_line": 8190,
                "limit_request_field_size": 16384,
                **changed,
            }
            given = [each.args for each in server.cfg.set.call_args_list]
            self.assertEqual(expected, dict(given))
            self.assertIs(made.return_value, server.load())
        files = ("--config-file=a", "--config-file=b")
        server = self.serve({"control_socket_disable"}, url, *files)
        server.cfg.set.assert_called_once_with("control_socket_disable", True)
        app, named = made.call_args.args
        self.assertIsInstance(app, proxy.app.Proxy)
        self.assertEqual(["a", "b"], named)

    @_WITH_PROXY
    def test_a_wrong_option(self) -> None:
        error = configuration.ConfigurationError("max_ranges is x")
        self.useFixture(
            fixtures.MockPatchObject(standalone, "in_front_of")
        ).mock.side_effect = error
        package = mock.MagicMock()
        modules = {"gunicorn": package, "gunicorn.app": package}
        with mock.patch.dict("sys.modules", modules):
            status = serve.run(self.parse("--upstream=http://h"))
        self.assertEqual(
            (2, "glance-filters serve: max_ranges is x\n"),
            (status, self.stderr.getvalue()),
        )

    @_WITH_PROXY
    def test_another_module_is_missing(self) -> None:
        """It is not gunicorn that is to be installed then."""
        made = self.useFixture(
            fixtures.MockPatchObject(standalone, "in_front_of")
        ).mock
        package = mock.MagicMock()
        modules = {"gunicorn": package, "gunicorn.app": package}
        for name in ("other.gunicorn", "another", None):
            made.side_effect = ModuleNotFoundError("x", name=name)
            with mock.patch.dict("sys.modules", modules):
                self.assertRaises(
                    ModuleNotFoundError,
                    serve.run,
                    self.parse("--upstream=http://h"),
                )

    def test_without_an_upstream(self) -> None:
        self.assertRaises(SystemExit, self.parse)
