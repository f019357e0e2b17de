# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from __future__ import annotations

import os
from typing import Any

import fixtures
import testtools

from glance_filters import configuration
from glance_filters.filters import location_guard
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATH = f"/v2/images/{IMAGE_ID}"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
REMOVE = b'[{"op": "remove", "path": "/locations/0"}]'


class PassThroughTest(testtools.TestCase):
    def test_nothing_is_touched(self) -> None:
        answer: list[bytes] = [b"x"]
        seen: list[Any] = []

        def app(*arguments: Any) -> list[bytes]:
            seen.append(arguments)
            return answer

        guard = location_guard.LocationGuard.factory({})(app)
        for method, path in (
            ("GET", "/v2/images"),
            ("GET", PATH),
            ("PUT", f"{PATH}/file"),
            ("POST", "/v2/images"),
            ("DELETE", PATH),
            ("PATCH", "/v2/metadefs/namespaces/x"),
        ):
            environ: Any = {"REQUEST_METHOD": method, "PATH_INFO": path}
            before = dict(environ)
            start_response: Any = object()
            seen.clear()
            self.assertIs(answer, guard(environ, start_response))
            ((found, start),) = seen
            self.assertIs(environ, found)
            self.assertIs(start_response, start)
            self.assertEqual(before, environ)


class ReloadTest(testtools.TestCase):
    """The options follow the files whenever oslo.config mutates them."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(folder, "service.conf")
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.core = fakes.Core({"GET": fakes.image("saving")})

    def write(self, text: str) -> None:
        with open(self.path, "w") as file:
            file.write(f"[location_guard]\n{text}\n")

    def guard(self, **section: str) -> Any:
        factory = location_guard.LocationGuard.factory(
            {}, oslo_config_project="x", oslo_config_file=self.path, **section
        )
        return factory(self.core)

    def ask(self, guard: Any) -> int:
        environ = fakes.environ_of(
            "PATCH", PATH, REMOVE, CONTENT_TYPE=PATCH_TYPE
        )
        return fakes.call(guard, environ)[0]

    def test_reload(self) -> None:
        self.write("")
        guard = self.guard()
        self.assertEqual(409, self.ask(guard))
        for text, expected in (
            ("enabled = false", 200),
            ("enabled = true", 409),
            ("remove_statuses = saving", 200),
            ("remove_statuses = active", 409),
        ):
            self.write(text)
            guard._config._conf.mutate_config_files()
            self.assertEqual(expected, self.ask(guard), text)

    def test_a_wrong_value_changes_nothing(self) -> None:
        self.write("enabled = false")
        guard = self.guard()
        self.write("enabled = true\nremove_statuses = melted")
        guard._config._conf.mutate_config_files()
        self.assertEqual(200, self.ask(guard))
        self.assertIn("remove_statuses", self.logger.output)

    def test_the_section_stays(self) -> None:
        self.write("enabled = true")
        guard = self.guard(enabled="false")
        self.write("enabled = true\nmax_body_size = 7")
        guard._config._conf.mutate_config_files()
        self.assertEqual(200, self.ask(guard))

    def test_a_wrong_value_stops_the_start(self) -> None:
        self.write("add_statuses = melted")
        error = self.assertRaises(configuration.ConfigurationError, self.guard)
        self.assertIn("[location_guard] add_statuses", str(error))
        self.write("")
        error = self.assertRaises(
            configuration.ConfigurationError, self.guard, melted="1"
        )
        self.assertIn("[filter:location_guard]", str(error))
