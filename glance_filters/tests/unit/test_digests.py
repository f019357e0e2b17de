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

import base64
import hashlib
import unittest

from glance_filters import digests


class ReprDigestTest(unittest.TestCase):
    def test_values(self) -> None:
        for algorithm, name in (("sha256", "sha-256"), ("sha512", "sha-512")):
            digest = hashlib.new(algorithm, b"x")
            expected = base64.b64encode(digest.digest()).decode()
            self.assertEqual(
                f"{name}=:{expected}:",
                digests.repr_digest(algorithm, digest.hexdigest()),
            )

    def test_nothing_to_vouch_for(self) -> None:
        for algorithm, value in (
            ("md5", "00"),
            ("sha3_256", "00"),
            (None, "00"),
            ("sha256", None),
            ("sha256", ""),
            ("sha256", "xy"),
        ):
            self.assertIsNone(digests.repr_digest(algorithm, value))
