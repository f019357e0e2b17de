# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import base64
import hashlib
import unittest

from glance_filters.http import digest_fields


class ReprDigestTest(unittest.TestCase):
    def test_values(self) -> None:
        for algorithm, name in (("sha256", "sha-256"), ("sha512", "sha-512")):
            digest = hashlib.new(algorithm, b"x")
            expected = base64.b64encode(digest.digest()).decode()
            self.assertEqual(
                f"{name}=:{expected}:",
                digest_fields.repr_digest(algorithm, digest.hexdigest()),
            )

    def test_nothing_to_vouch_for(self) -> None:
        for algorithm, value in (
            ("md5", "00" * 16),
            ("sha3_256", "00" * 32),
            ("sha3_256", "00"),
            (None, "00" * 32),
            ("sha256", None),
            ("sha256", ""),
            ("sha256", "xy" * 32),
            ("sha256", "00" * 31),
            ("sha256", "00" * 33),
            # bytes.fromhex() would read these.
            ("sha256", "00" * 32 + "\r\n"),
            ("sha256", "00\r\n" * 32),
            ("sha256", " ".join(["00"] * 32)),
        ):
            with self.subTest(algorithm, value=value):
                found = digest_fields.repr_digest(algorithm, value)
                self.assertIsNone(found)
