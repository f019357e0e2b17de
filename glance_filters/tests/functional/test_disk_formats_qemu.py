# SPDX-License-Identifier: Apache-2.0

"""The inspectors against QEMU: whether opening an image opens another file.

``qemu-img`` is the judge. It makes images of each format that it can write,
with options that Hypothesis draws, and some bytes of them are then changed.
There are more of them with ``HYPOTHESIS_PROFILE=long``.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters.tests.fixtures import disk_files, disk_images
from glance_filters.tests.fixtures.judged_images import UNSAFE, changed
from glance_filters.tests.fixtures.judging import detection, judge

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXAMPLES = 5000 if IS_LONG else 40

# Glance's name of a format by QEMU's.
NAMES = {
    **{name: name for name in ("qcow2", "qed", "vdi", "vhdx", "vmdk", "raw")},
    "vpc": "vhd",
    "parallels": "ploop",
    # What a disk as it is may hold.
    "luks": "raw",
}
# Every one, but for QCOW of the first version, which Glance has no name for.
DECLARED = (*NAMES.values(), "iso", "ami", None)

_SECRET = ("--object", "secret,id=key,data=secret")
_OPENED = re.compile(r"Could not open '([^']*)'")


@dataclass(frozen=True)
class Recipe:
    """How an image is made.

    :ivar qemu_format: QEMU's name of the format
    :ivar options: those of the format
    :ivar backing: the format of the file below, empty for none
    :ivar after: commands of qemu-img, each without the file's name
    """

    qemu_format: str
    options: tuple[str, ...] = ()
    backing: str = ""
    after: tuple[tuple[str, ...], ...] = field(default=())


class Folder:
    """A folder with an image, and files to which it may refer."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="qemu-"))
        for name in ("raw", "qcow2", "vmdk", "qed"):
            self.run("create", "-q", "-f", name, f"below.{name}", "1M")
        self.image = self.root / "image"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(disk_images.QEMU_IMG), *arguments],
            cwd=self.root,
            capture_output=True,
        )

    def make(self, recipe: Recipe) -> bytes:
        """Return the file of an image, empty if QEMU does not make it."""
        self.image.unlink(missing_ok=True)
        options = ["-o", ",".join(recipe.options)] if recipe.options else []
        below = recipe.backing and ["-b", f"below.{recipe.backing}"]
        made = self.run(
            *("create", "-q", *_SECRET, "-f", recipe.qemu_format, *options),
            *(below or ()),
            *(("-F", recipe.backing) if below else ()),
            *("image", "1M"),
        )
        if made.returncode:
            return b""
        for command, *arguments in recipe.after:
            self.run(command, *arguments[:-1], "image", arguments[-1])
        return self.image.read_bytes()

    def others(self, data: bytes, qemu_format: str = "") -> set[str] | None:
        """Return the other files that QEMU opens with an image.

        :param qemu_format: what QEMU is told that it is; empty if it is to
            find out
        :returns: None if it opens none, and does not open the image either
        """
        self.image.write_bytes(data)
        how = ["-f", qemu_format] if qemu_format else []
        done = self.run("info", "--output=json", *how, "image")
        if done.returncode:
            text = done.stderr.decode(errors="replace")
            return set(_OPENED.findall(text)) - {"image"} or None
        return set(_named(json.loads(done.stdout))) - {"image"}


def _named(info: dict[str, Any]) -> Iterable[str]:
    """Yield the names of files in what qemu-img tells about an image."""
    specific = info.get("format-specific", {}).get("data", {})
    yield from (extent["filename"] for extent in specific.get("extents", ()))
    for each in (info, specific):
        for name in ("backing-filename", "data-file"):
            if name in each:
                yield each[name]


@functools.cache
def folder() -> Folder:
    made = Folder()
    atexit.register(shutil.rmtree, made.root, ignore_errors=True)
    return made


def one_of(name: str, *values: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw an option, or none."""
    drawn = [(f"{name}={value}",) for value in values]
    return st.sampled_from([(), *drawn])


def options(*drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(*drawn).map(lambda each: sum(each, ()))


_OTHER_DATA = one_of("data_file", "other", "sub/other")
_AES = st.sampled_from([(), ("encrypt.format=aes", "encrypt.key-secret=key")])
_AFTER = st.lists(
    st.sampled_from(
        [
            ("snapshot", "-q", "-c", "one"),
            ("bitmap", "--add", "one"),
            ("resize", "-q", "2M"),
        ]
    ),
    max_size=2,
).map(tuple)
# The image is named before the last of their arguments.
_QCOW2 = st.builds(
    Recipe,
    st.just("qcow2"),
    options(
        one_of("compat", "0.10", "1.1"),
        one_of("cluster_size", "512", "4096", "65536", "2M"),
        one_of("lazy_refcounts", "on"),
        one_of("refcount_bits", "1", "64"),
        one_of("extended_l2", "on"),
        one_of("compression_type", "zlib", "zstd"),
        one_of("preallocation", "metadata", "falloc"),
        one_of("data_file_raw", "on"),
        _OTHER_DATA,
        _AES,
    ),
    st.sampled_from(["", "", "raw", "qcow2"]),
    _AFTER,
)
_VMDK = st.builds(
    Recipe,
    st.just("vmdk"),
    options(
        one_of(
            "subformat",
            *("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse"),
            *("twoGbMaxExtentFlat", "streamOptimized"),
        ),
        one_of("adapter_type", "ide", "lsilogic", "buslogic", "legacyESX"),
        one_of("compat6", "on"),
        one_of("zeroed_grain", "on"),
    ),
    st.sampled_from(["", "", "vmdk"]),
)
RECIPES = st.one_of(
    _QCOW2,
    _VMDK,
    st.builds(
        Recipe,
        st.just("qed"),
        options(
            one_of("cluster_size", "4096"), one_of("table_size", "2", "4")
        ),
        st.sampled_from(["", "raw"]),
    ),
    st.builds(Recipe, st.just("vdi"), one_of("static", "on")),
    st.builds(
        Recipe,
        st.just("vhdx"),
        options(
            one_of("subformat", "dynamic", "fixed"),
            one_of("block_size", "1M"),
            one_of("log_size", "1M", "2M"),
        ),
    ),
    st.builds(
        Recipe,
        st.just("vpc"),
        options(
            one_of("subformat", "dynamic", "fixed"), one_of("force_size", "on")
        ),
    ),
    st.builds(Recipe, st.just("parallels"), one_of("cluster_size", "65536")),
    st.builds(Recipe, st.just("raw"), one_of("preallocation", "falloc")),
    st.builds(
        Recipe, st.just("qcow"), st.just(()), st.sampled_from(["", "raw"])
    ),
)

Change = Callable[[bytes], bytes]


def prefixed(before: bytes) -> Change:
    return lambda data: before + data


def with_bytes(start: int, new: bytes) -> Change:
    return lambda data: changed(data, start % (len(data) + 1), new)


def without_capacity(data: bytes) -> bytes:
    """Return a VMDK that has a descriptor of another one within."""
    flat = disk_files.VMDK_ALONE.replace(b"other", b"below.raw")
    return changed(changed(data, 12, bytes(8)), 512, flat.ljust(1024, b"\0"))


def with_hint(data: bytes) -> bytes:
    """Return a VMDK with a parent, if its descriptor ends before 10 KiB."""
    end = data.find(b"\0", 512)
    return changed(data, end, b'parentFileNameHint="below.vmdk"\n')


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.text("\x01\x7f\ufeff\n\r\t #a", max_size=20).map(
        lambda text: prefixed(text.encode())
    ),
    st.just(prefixed(b"\n" * 70_000)),
    st.just(without_capacity),
    st.just(with_hint),
    st.builds(
        with_bytes, st.integers(0, 600), st.binary(min_size=1, max_size=9)
    ),
    # The fields that refer to something.
    st.builds(
        with_bytes,
        st.sampled_from((4, 8, 12, 16, 28, 36, 56, 72, 79, 512, -512, -1024)),
        st.sampled_from((bytes(8), b"\xff" * 8, b"\1", b"\0" * 7 + b"\4")),
    ),
)


@testtools.skipIf(disk_images.QEMU_IMG is None, "qemu-img is not installed")
@testtools.skipIf(detection is None, "the extra inspect is not installed")
class OracleTest(testtools.TestCase):
    def check_refused(self, data: bytes, others: set[str]) -> None:
        for declared in DECLARED:
            found = judge(declared, [data])
            self.assertIn("unsafe", found, f"{declared}: {others}")
        self.assertIn("unsafe", judge("raw", [data], "ova"))

    @hypothesis.settings(max_examples=EXAMPLES)
    @hypothesis.given(RECIPES)
    def test_what_qemu_makes(self, recipe: Recipe) -> None:
        data = folder().make(recipe)
        hypothesis.assume(data)
        others = folder().others(data, recipe.qemu_format)
        hypothesis.assume(others is not None)
        if others:
            self.check_refused(data, others)
        elif recipe.qemu_format in NAMES:
            true = NAMES[recipe.qemu_format]
            self.assertEqual("matches", judge(true, [data]))
            self.assertEqual("matches", judge(None, [data]))

    @hypothesis.settings(max_examples=EXAMPLES)
    @hypothesis.given(RECIPES, st.lists(CHANGES, min_size=1, max_size=3))
    def test_what_is_changed(
        self, recipe: Recipe, changes: list[Change]
    ) -> None:
        data = folder().make(recipe)
        hypothesis.assume(data)
        for change in changes:
            data = change(data)
        # As whoever trusts what is declared opens it.
        for told in ("", recipe.qemu_format, "vmdk", "qcow2"):
            others = folder().others(data, told)
            if others:
                self.check_refused(data, others)

    def test_what_qemu_follows_of_our_list(self) -> None:
        """These files are not only refused by us, they are followed."""
        followed = {
            (kind.disk_format, kind.what)
            for kind in UNSAFE
            if kind.disk_format == "vmdk"
            and all(folder().others(data, "vmdk") for data in kind.images[:1])
        }
        self.assertEqual(
            {
                ("vmdk", "a descriptor alone, whatever is in front of it"),
                ("vmdk", "a parent"),
                ("vmdk", "the older format, COWD"),
            },
            followed,
        )


@testtools.skipIf(disk_images.QEMU_IMG is None, "qemu-img is not installed")
@testtools.skipIf(detection is None, "the extra inspect is not installed")
class EachFormatTest(testtools.TestCase):
    """What qemu-img makes is what it is said to be, and nothing else."""

    def test_each(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        made = {
            "raw": [images.make("raw")],
            "qcow2": [
                images.make("qcow2"),
                images.make("qcow2", "extended_l2=on"),
            ],
            "vmdk": [
                images.make("vmdk"),
                images.make("vmdk", "subformat=streamOptimized"),
            ],
            "vdi": [images.make("vdi")],
            "vhdx": [images.make("vhdx")],
            "vhd": [
                images.make("vpc"),
                images.make("vpc", "subformat=fixed"),
                # As Virtual PC once wrote them.
                images.make("vpc", "subformat=fixed")[:-1],
            ],
            "ploop": [images.make("parallels")],
            "qed": [images.make("qed")],
        }
        for name, files in made.items():
            for data in files:
                for declared in (*made, "iso"):
                    found = judge(declared, [data])
                    if declared == name:
                        self.assertEqual("matches", found, name)
                    elif name == "vhd" and not data.startswith(b"conectix"):
                        # To all others, a fixed one is a disk as it is.
                        raw = "matches" if declared == "raw" else "is raw"
                        self.assertEqual(raw, found, declared)
                    else:
                        self.assertEqual(f"is {name}", found, declared)

    @testtools.skipUnless(IS_LONG, "making a key takes some seconds")
    def test_encrypted(self) -> None:
        for qemu_format, prefix in (("luks", ""), ("qcow2", "encrypt.")):
            given = [f"{prefix}key-secret=key", f"{prefix}iter-time=10"]
            if prefix:
                given.append(f"{prefix}format=luks")
            data = folder().make(Recipe(qemu_format, tuple(given)))
            self.assertEqual("matches", judge(NAMES[qemu_format], [data]))

    def test_old_footer(self) -> None:
        """QEMU reads a footer of 511 bytes as one of 512."""
        images = self.useFixture(disk_images.DiskImages())
        data = images.make("vpc", "subformat=fixed")
        self.assertEqual(set(), folder().others(data[:-1], "vpc"))
        told = folder().run("info", "-f", "vpc", "image").stdout
        self.assertIn(b"virtual size", told)
