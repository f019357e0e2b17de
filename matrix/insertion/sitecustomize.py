# SPDX-License-Identifier: Apache-2.0

"""Puts all filters into each pipeline of Glance that this process loads.

This, and the number of objects after which Python collects garbage, is chosen
by environment variables.

Python imports this module when it starts, if this folder is on its path. So
it also works in the servers that Glance's tests start. It imports next to
nothing before Paste Deploy is imported: older Glance replaces parts of the
standard library by eventlet's, which comes too late for what is imported
already.
"""

import gc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from typing import Optional

# The file to which the path of each paste file is added that is loaded.
# Without it, no filters are put anywhere.
RECORD = "MATRIX_INSERTIONS"

# How many new objects make Python collect garbage, if not its own number.
COLLECTION = "MATRIX_COLLECTION"

_MODULE = "paste.deploy.loadwsgi"


class Finder:
    """Finds the module that reads paste files, and has it changed."""

    @classmethod
    def find_spec(
        cls,
        name: str,
        path: Optional[Sequence[str]] = None,
        target: Optional[types.ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Return how to load that module, None for all others."""
        if name != _MODULE:
            return None
        sys.meta_path.remove(cls)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def load_and_change(module: types.ModuleType) -> None:
            load(module)
            _change(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


def _change(module: types.ModuleType) -> None:
    read = module.ConfigLoader.__init__

    def read_with_filters(self: object, filename: str) -> None:
        from glance_filters.paste import edit
        from glance_filters.paste.file import NAMES

        path = filename.strip()
        with open(path) as file:
            text = edit.insert(file.read(), NAMES)
        # Beside it, since a paste file may refer to others by its folder.
        changed = f"{path}.{os.getpid()}.with-filters"
        with open(changed, "w") as file:
            file.write(text)
        read(self, changed)
        with open(os.environ[RECORD], "a") as record:
            record.write(f"{path}\n")

    module.ConfigLoader.__init__ = read_with_filters


if RECORD in os.environ:
    sys.meta_path.insert(0, Finder)
if COLLECTION in os.environ:
    gc.set_threshold(int(os.environ[COLLECTION]))
