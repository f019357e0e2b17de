# SPDX-License-Identifier: Apache-2.0

"""What the tests of the checks share."""

from __future__ import annotations

import pathlib

import fixtures
import testtools

from glance_filters.paste.check import loading
from glance_filters.paste.file import PasteFile


class FileCase(testtools.TestCase):
    """Writes paste files, away from any Glance.

    :ivar root: an empty folder
    """

    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.be_beside_glance(False)

    def be_beside_glance(self, is_so: bool) -> None:
        """Pretend that Glance is installed here, or that it is not."""
        self.useFixture(
            fixtures.MockPatchObject(
                loading, "_is_beside_glance", return_value=is_so
            )
        )

    def write(self, text: str, *replacements: str) -> PasteFile:
        """Write a file, with texts replaced, and read it.

        :param replacements: an old text, its new one, and so on
        """
        for old, new in zip(replacements[::2], replacements[1::2]):
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.root / "paste.ini"
        path.write_text(text)
        return PasteFile.read(path)
