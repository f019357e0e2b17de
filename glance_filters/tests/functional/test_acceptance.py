# SPDX-License-Identifier: Apache-2.0

"""``glance-filters try`` on real Glance, alone and with the filters."""

from __future__ import annotations

import contextlib
import importlib
import io

import testtools

from glance_filters.cmd import main
from glance_filters.filters.registry import FILTERS
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    http_data,
    newton_metadefs,
    real_glance,
)

LOCATION = "/data"


def add_definitions(glance: real_glance.GlanceServer) -> None:
    """Give the service the definitions that an old database has."""
    document = {
        "namespace": newton_metadefs.NAMESPACE,
        "visibility": "public",
        "properties": newton_metadefs.PROPERTIES,
    }
    answer = glance.client(auth.ADMIN).send_json(
        "POST", "/v2/metadefs/namespaces", document
    )
    if answer.status != 201:
        raise AssertionError(f"no namespace: {answer}")


def lacking() -> int:
    """Return how much is lacking where the extra ``inspect`` is missing."""
    try:
        importlib.import_module("oslo_utils.imageutils.format_inspector")
    except ImportError:
        return 1
    return 0


def try_service(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return exit status, output and errors."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output):
        with contextlib.redirect_stderr(errors):
            status = main.main(["try", "--token", auth.MEMBER, *arguments])
    return status, output.getvalue(), errors.getvalue()


class TryTest(testtools.TestCase):
    alone: real_glance.GlanceServer
    filtered: real_glance.GlanceServer
    web: http_data.HttpDataServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.alone = class_fixture.use(cls, real_glance.GlanceServer())
        cls.filtered = class_fixture.use(
            cls, real_glance.GlanceServer([each.name for each in FILTERS])
        )
        cls.web = class_fixture.use(
            cls, http_data.HttpDataServer({LOCATION: b"data"})
        )
        for each in (cls.alone, cls.filtered):
            add_definitions(each)

    def test_with_the_filters(self) -> None:
        status, output, errors = try_service(
            f"--url={self.filtered.url}/v2/",
            f"--alone={self.alone.url}",
            f"--location-url={self.web.url(LOCATION)}",
        )
        self.assertEqual((lacking(), ""), (status, errors), output)
        self.assertIn(f" {lacking()} lacks, 0 not tried\n", output)
        self.assertIn("holds      HEAD file\n", output)
        self.assertIn("alone:    405 Method Not Allowed\n", output)
        self.assertIn("by itself  GET versions", output)

    def test_alone(self) -> None:
        status, output, _ = try_service(f"--url={self.alone.url}")
        self.assertEqual(1, status, output)
        self.assertIn("lacks      HEAD file\n", output)
        self.assertIn("expected: 200, Content-Length: 1000\n", output)
        self.assertNotIn("alone:", output)

    def test_nothing_of_others_is_touched(self) -> None:
        client = self.filtered.client(auth.ADMIN)
        client.create_image(b"data", name="other", visibility="public")
        before = client.request("GET", "/v2/images").json
        try_service(f"--url={self.filtered.url}")
        self.assertEqual(before, client.request("GET", "/v2/images").json)

    def test_unusable(self) -> None:
        for arguments, expected in (
            (["--url=http://127.0.0.1:1"], "ConnectionRefusedError"),
            (["--url=nowhere"], "not a URL"),
            (["--url", self.alone.url, "--token="], "a token is needed"),
            (["--url", self.alone.url, "--token=x"], "401 Unauthorized"),
            (
                ["--url", self.alone.url, "--alone=http://127.0.0.1:1"],
                "ConnectionRefusedError",
            ),
            (
                ["--url", self.alone.url, "--ca-file=/no/such/file"],
                "No such file",
            ),
        ):
            status, output, errors = try_service(*arguments)
            self.assertEqual((2, ""), (status, output))
            self.assertIn(expected, errors)
