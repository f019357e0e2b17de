# SPDX-License-Identifier: Apache-2.0

"""range_translator and the programs that people download images with."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import fixtures
import testtools

from glance_filters import tests
from glance_filters.tests.fixtures import auth, class_fixture, real_glance

DATA = random.Random(1).randbytes(9 * 1024 * 1024)
TOKEN = f"{auth.HEADER}: {auth.MEMBER}"


@tests.nightly
class DownloadClientsTest(testtools.TestCase):
    """Each program on real Glance behind a real server."""

    server: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = class_fixture.use(
            cls, real_glance.GlanceServer(("range_translator",))
        )

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)

    def run_program(self, name: str, *arguments: str) -> str:
        if shutil.which(name) is None:
            self.skipTest(f"{name} is not installed")
        # A proxy of this machine is not asked about loopback.
        environ = {**os.environ, "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            [name, *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def upload(self, data: bytes = DATA, disk_format: str = "raw") -> str:
        image_id = self.server.client().create_image(
            data, disk_format=disk_format
        )
        return f"{self.server.url}/v2/images/{image_id}/file"

    def cut_file(self) -> Path:
        """Make the file of a download that broke off."""
        path = self.folder / "file"
        path.write_bytes(DATA[:1_000_000])
        return path

    def check(self, path: Path) -> None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(hashlib.sha256(DATA).hexdigest(), found)

    def test_curl_range(self) -> None:
        self.run_program(
            *("curl", "-sf", "-H", TOKEN, "-r", "12-30", "-o", "part"),
            self.upload(),
        )
        self.assertEqual(DATA[12:31], (self.folder / "part").read_bytes())

    def test_curl_head(self) -> None:
        text = self.run_program("curl", "-sfI", "-H", TOKEN, self.upload())
        self.assertIn(f"content-length: {len(DATA)}", text.lower())
        self.assertIn("accept-ranges: bytes", text.lower())

    def test_curl_resumes(self) -> None:
        path = self.cut_file()
        self.run_program(
            *("curl", "-sf", "-H", TOKEN, "-C", "-", "-o", path.name),
            self.upload(),
        )
        self.check(path)

    def test_wget_resumes(self) -> None:
        path = self.cut_file()
        self.run_program(
            "wget", "-q", "-c", f"--header={TOKEN}", self.upload()
        )
        self.check(path)

    def test_aria2_in_parts(self) -> None:
        text = self.run_program(
            *("aria2c", "-x8", "-s8", "-k1M", "--console-log-level=info"),
            *(f"--header={TOKEN}", "-o", "file"),
            self.upload(),
        )
        self.check(self.folder / "file")
        self.assertIn("Range: bytes=", text)

    def test_axel_in_parts(self) -> None:
        self.run_program(
            *("axel", "-q", "-n", "4", "-H", TOKEN, "-o", "file"),
            self.upload(),
        )
        self.check(self.folder / "file")

    def test_qemu_img(self) -> None:
        raw = self.folder / "raw"
        raw.write_bytes(DATA)
        self.run_program(
            *("qemu-img", "convert", "-f", "raw", "-O", "qcow2"),
            *("raw", "image.qcow2"),
        )
        url = self.upload((self.folder / "image.qcow2").read_bytes(), "qcow2")
        source = "json:" + json.dumps(
            {
                "driver": "qcow2",
                "file": {
                    "driver": "http",
                    "url": url,
                    "cookie": f"{auth.COOKIE}{auth.MEMBER}",
                },
            }
        )
        text = self.run_program("qemu-img", "info", "--output=json", source)
        self.assertEqual("qcow2", json.loads(text)["format"])
        self.assertEqual(len(DATA), json.loads(text)["virtual-size"])
        # With several requests at a time, qemu-img 7.2 hangs now and then, in
        # front of any server that is slow.
        self.run_program(
            *("qemu-img", "convert", "-m", "1", "-O", "raw", source, "file")
        )
        self.check(self.folder / "file")
