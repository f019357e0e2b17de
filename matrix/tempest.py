# SPDX-License-Identifier: Apache-2.0

"""OpenStack's own tests, Tempest's, on Glance alone and with the filters.

Run with ``python -m matrix.tempest RUNNER FOLDER``, with ``--formats`` for the
tests of image formats alone. RUNNER is a program that makes an environment in
the folder which the variable LAB names (``make CHECKOUT``), and runs the tests
there (``alone``, ``filters INSPECT``); it leaves ``runs/LABEL/results.json``,
with the status of each test.

The tests of image formats stage unsafe data, and want it to be taken then and
refused by the import. So with the filters they are compared twice: as these
are, where staging may be refused, and with ``staged_data = leave`` and the
import plugin, where each must end as it does alone.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import table
from matrix import tempest_images

_CHECKOUT = Path(__file__).parents[1]
_DOCS = _CHECKOUT / "doc" / "source" / "tempest-table.inc"

# How often a test that fails is repeated: some depend on timing. A request to
# delete an image while the last of its import runs, for example, makes Glance
# answer with 500 now and then, with the filters as without.
_REPEATS = 2

# How each test ended, by its id.
Ended = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Side:
    """One run of the tests.

    :ivar label: its name, and that of the folder with its results
    :ivar arguments: those of the runner
    :ivar environment: variables; oslo.config takes options from them
    :ivar excepted: a pattern of the tests that may end worse than alone
    """

    label: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    excepted: str = "(?!)"


_ALL = (
    Side("alone", ("alone",)),
    Side("filters-auto", ("filters", "auto")),
    Side("filters-enforce", ("filters", "enforce")),
)

# The plugin in front of Glance's own, which the tests need.
_PLUGINS = "[glance_filters_inspect,image_conversion]"
_LEFT = {
    "OS_IMAGE_IMPORT_OPTS__IMAGE_IMPORT_PLUGINS": _PLUGINS,
    "OS_DISK_FORMAT_VALIDATOR__STAGED_DATA": "leave",
}
_FORMATS = (
    Side("formats-alone", ("alone",)),
    # That staging is refused is meant.
    Side(
        "formats-enforce",
        ("filters", "enforce"),
        excepted=r"test_accept_reject_formats_import\b.*\b"
        r"(?:qcow2-backing|qcow2-data-file|iso-qcow2"
        r"|vmdk-flat|vmdk-flat-leak|vmdk-extent)\b",
    ),
    *(
        Side(f"formats-{inspect}-plugin", ("filters", inspect), _LEFT)
        for inspect in ("auto", "enforce")
    ),
)


def worse(alone: Ended, filtered: Ended) -> list[str]:
    """Return the tests that pass alone, and not with the filters."""
    return sorted(
        name
        for name, status in alone.items()
        if status == "success" and filtered.get(name) != "success"
    )


def _run(
    runner: str, lab: Path, side: Side, environment: Mapping[str, str]
) -> Ended:
    """Run one side, and print how many tests ended how."""
    # Its exit status tells of failed tests; the comparison is ours.
    subprocess.run(
        [runner, *side.arguments],
        env={
            **os.environ,
            **environment,
            **side.environment,
            "LAB": str(lab),
            "LABEL": side.label,
        },
    )
    path = lab / "runs" / side.label / "results.json"
    ended = {
        name: test["status"]
        for name, test in json.loads(path.read_text()).items()
    }
    print(side.label, dict(collections.Counter(ended.values())), flush=True)
    return ended


def _settle(
    runner: str, lab: Path, side: Side, environment: Mapping[str, str]
) -> Ended:
    """Run one side, and the tests that failed there again."""
    ended = dict(_run(runner, lab, side, environment))
    for number in range(_REPEATS):
        failed = [
            name
            for name, status in ended.items()
            if status == "fail" and not re.search(side.excepted, name)
        ]
        if not failed:
            break
        chosen = lab / "repeated"
        chosen.write_text("\n".join(failed))
        label = f"{side.label}-again-{number + 1}"
        again = dataclasses.replace(side, label=label)
        listed = {**environment, "LOAD_LIST": str(chosen)}
        ended.update(_run(runner, lab, again, listed))
    return ended


@dataclasses.dataclass
class Comparison:
    """What a comparison found.

    :ivar rows: of each side its label, and how many tests passed, failed,
        were skipped, and end worse than alone, those that are meant to too
    :ivar good: whether none ends worse that is not meant to
    """

    rows: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    good: bool = True

    def add(self, side: Side, ended: Ended, worse_ones: Sequence[str]) -> None:
        """Note how the tests of a side ended."""
        meant = 0
        for name in worse_ones:
            is_meant = re.search(side.excepted, name) is not None
            meant += is_meant
            what = ", as it is meant" if is_meant else ""
            print(f"passes alone, not with {side.label}{what}: {name}")
        self.good = self.good and meant == len(worse_ones)
        counts = collections.Counter(ended.values())
        self.rows.append(
            (
                side.label,
                *(str(counts[each]) for each in ("success", "fail", "skip")),
                f"{len(worse_ones)} ({meant} meant)",
            )
        )


def _compare(
    runner: str,
    lab: Path,
    sides: tuple[Side, ...],
    environment: Mapping[str, str],
    found: Comparison,
) -> None:
    """Compare sides with the first of them."""
    alone, *others = sides
    expected = _settle(runner, lab, alone, environment)
    found.add(alone, expected, ())
    found.good = found.good and "success" in expected.values()
    for side in others:
        ended = _settle(runner, lab, side, environment)
        found.add(side, ended, worse(expected, ended))


def main() -> int:
    """Run the tests on all sides; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="matrix.tempest", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("runner", help="the program that runs the tests")
    parser.add_argument("folder", help="for the environment and the results")
    parser.add_argument(
        "--formats", action="store_true", help="the tests of formats alone"
    )
    parser.add_argument(
        "--write", action="store_true", help="the table of the documentation"
    )
    given = parser.parse_args()
    lab = Path(given.folder).resolve()
    subprocess.run(
        [given.runner, "make", str(_CHECKOUT)],
        env={**os.environ, "LAB": str(lab)},
        check=True,
    )
    manifest = tempest_images.make(lab / "images")
    formats = {
        "REGEX": "test_images_formats",
        "MANIFEST": str(manifest),
        # Some of them are about nova, and skipped without it.
        "NOVA": "True",
        "CONVERSION": "True",
    }
    found = Comparison()
    if not given.formats:
        _compare(given.runner, lab, _ALL, {}, found)
    _compare(given.runner, lab, _FORMATS, formats, found)
    if given.write:
        _DOCS.write_text(_table(lab, found.rows))
    return 0 if found.good else 1


def _table(lab: Path, rows: Sequence[Sequence[str]]) -> str:
    """Return the table for the documentation."""
    code = "from importlib import metadata as m; print(m.version('glance'))"
    done = subprocess.run(
        [lab / "venv" / "bin" / "python", "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    release = done.stdout.strip()
    head = (
        "Glance",
        "Side",
        "Passed",
        "Failed",
        "Skipped",
        "Worse than alone",
    )
    made = table.as_rst(head, [(release, *each) for each in rows])
    return f".. Made by make tempest; do not edit.\n\n{made}\n"


if __name__ == "__main__":
    sys.exit(main())
