# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import subprocess
import sys

from glance_filters import proxy
from glance_filters.proxy import settings
from glance_filters.tests.unit.proxy.cases import ProxyCase


class AppFactoryTest(ProxyCase):
    def test_wrong_section(self) -> None:
        for section in ({}, {"upstream": "nowhere"}, {"no-such": "x"}):
            self.assertRaises(
                settings.SettingsError, proxy.app_factory, {}, **section
            )

    def test_a_file_of_authorities_that_is_not_there(self) -> None:
        self.make_proxy("http://127.0.0.1")
        error = self.assertRaises(
            settings.SettingsError,
            self.make_proxy,
            "https://127.0.0.1",
            ca_file="/no/such/file",
        )
        self.assertIn("ca_file = /no/such/file", str(error))

    def test_without_urllib3(self) -> None:
        program = (
            "import sys; sys.modules['urllib3'] = None\n"
            "from glance_filters import proxy\n"
            "proxy.app_factory({}, upstream='http://127.0.0.1')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True
        )
        self.assertIn("glance-filters[proxy]", done.stderr)
