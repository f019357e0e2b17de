# SPDX-License-Identifier: Apache-2.0

"""disk_format_validator's look at uploads, on real Glance over sockets."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import random
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import testtools

from glance_filters import tests
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.paste.file import NAMES
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    disk_files,
    disk_images,
    glance_config,
    judged_images,
    real_glance,
)

FILTER = "disk_format_validator"
LIST = "ami,ari,aki,vhd,vhdx,vmdk,raw,qcow2,vdi,iso,ploop"
NOISE = random.Random(2).randbytes(700_000)
CURL = shutil.which("curl")


class ContentsCase(testtools.TestCase):
    """Uploads to a server, and looks at what is left of it there."""

    mode = "enforce"
    filters: tuple[str, ...] = (FILTER,)
    server = real_glance.Server.GUNICORN
    glance: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not inspection.is_available():
            raise cls.skipException("the extra inspect is not installed")
        options = {"disk_formats": LIST, "inspect": cls.mode}
        cls.glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                cls.filters, {FILTER: options}, server=cls.server
            ),
        )

    def setUp(self) -> None:
        super().setUp()
        self.client = self.glance.client()

    def stored(self, image_id: str) -> list[str]:
        stores = (*glance_config.FILE_STORES, glance_config.STAGING_STORE)
        return [
            name
            for store in stores
            for name in self.glance.folder.store_files(store)
            if name.startswith(image_id)
        ]

    def put(
        self,
        image_id: str,
        data: bytes | Iterable[bytes],
        what: str = "file",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """Upload; data in pieces are sent in chunks."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.glance.port, timeout=60
        )
        fields = {
            "Content-Type": "application/octet-stream",
            auth.HEADER: auth.MEMBER,
            "Connection": "close",
            **(headers or {}),
        }
        try:
            # Refused before all was sent: the answer is there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(
                    "PUT",
                    f"/v2/images/{image_id}/{what}",
                    data,
                    fields,
                    encode_chunked=not isinstance(data, bytes),
                )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def check_refused(
        self, declared: str, data: bytes, *words: str, what: str = "file"
    ) -> str:
        image_id = self.client.create_image(disk_format=declared)
        status, text = self.put(image_id, data, what)
        self.assertEqual(415, status, text)
        for word in words:
            self.assertIn(word, text)
        self.check_untouched(image_id)
        self.check_logged(image_id, *words)
        return image_id

    def check_logged(self, image_id: str, *words: str) -> None:
        """A refusal is one line, with all that an operator looks for."""
        [line] = [
            each
            for each in self.glance.log.splitlines()
            if image_id in each and "disk_format_validator refused" in each
        ]
        user, project, _ = auth.MEMBER.split(":")
        for word in (" INFO ", *words):
            self.assertIn(word, line)
        # In front of another Glance, who asks is not known.
        for word in (" req-", user, project):
            self.assertEqual(not tests.IS_PROXIED, word in line)
        self.assertNotIn(auth.MEMBER, line)

    def check_untouched(self, image_id: str) -> None:
        image = self.client.show(image_id).json
        self.assertEqual("queued", image["status"])
        self.assertIsNone(image["size"])
        self.assertIsNone(image["checksum"])
        self.assertEqual([], self.stored(image_id))

    def check_stored(self, image_id: str, data: bytes) -> None:
        image = self.client.show(image_id).json
        self.assertEqual("active", image["status"])
        digest = hashlib.sha512(data).hexdigest()
        self.assertEqual(digest, image["os_hash_value"])
        found = self.client.download(image_id).body
        self.assertEqual(digest, hashlib.sha512(found).hexdigest())


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@testtools.skipIf(disk_images.QEMU_IMG is None, "qemu-img is not installed")
class EnforceTest(ContentsCase):
    def setUp(self) -> None:
        super().setUp()
        self.images = self.useFixture(disk_images.DiskImages())

    def test_what_is_not_what_it_claims(self) -> None:
        vmdk = self.images.make("vmdk")
        qcow2 = self.images.make("qcow2")
        cd = disk_files.cd()
        for declared, data, detected in (
            ("qcow2", vmdk, "vmdk"),
            ("iso", self.images.data, "raw"),
            ("qcow2", NOISE, "raw"),
            ("raw", qcow2, "qcow2"),
            ("ami", qcow2, "qcow2"),
            ("ploop", qcow2, "qcow2"),
            ("raw", self.images.make("parallels"), "ploop"),
            ("raw", cd, "iso"),
            ("vhd", NOISE, "raw"),
        ):
            image_id = self.check_refused(declared, data, declared, detected)
            self.check_refused(declared, data, detected, what="stage")
            # The image is as good as new.
            good = {"qcow2": qcow2, "iso": cd, "raw": NOISE}.get(declared)
            if good is not None:
                self.assertEqual(204, self.put(image_id, good)[0])
                self.check_stored(image_id, good)

    def test_unsafe(self) -> None:
        for declared, data, reason in (
            (
                "qcow2",
                self.images.make_empty("qcow2", backing=True),
                "backing file",
            ),
            (
                "qcow2",
                self.images.make_empty(
                    "qcow2", f"data_file={self.images.path('data')}"
                ),
                "data_file",
            ),
            (
                "vmdk",
                self.images.make("vmdk", "subformat=monolithicFlat"),
                "other files",
            ),
            (
                "vmdk",
                self.images.make("vmdk", "subformat=twoGbMaxExtentSparse"),
                "other files",
            ),
        ):
            image_id = self.check_refused(declared, data, declared, reason)
            good = self.images.make(declared)
            self.assertEqual(204, self.put(image_id, good)[0])
            self.check_stored(image_id, good)

    def check_taken(
        self, image_id: str, declared: str, sent: Any, data: bytes
    ) -> None:
        """Check that an upload is stored, unless Glance alone refuses it.

        Its inspector of VHDX does not understand the large pieces in which
        its driver of S3 reads.
        """
        status, text = self.put(image_id, sent)
        if declared == "vhdx" and status != 204:
            alone = self.useFixture(real_glance.RealGlance()).client()
            other_id = alone.create_image(disk_format=declared)
            self.assertEqual(alone.upload(other_id, data).status, status)
            self.assertIn("Incomplete file", text)
            return
        self.assertEqual(204, status, f"{declared} {text}")
        self.check_stored(image_id, data)

    def test_what_is_what_it_claims(self) -> None:
        make = self.images.make
        for declared, data in (
            ("raw", make("raw")),
            ("raw", disk_files.boot_sector() + NOISE),
            ("qcow2", make("qcow2")),
            ("qcow2", make("qcow2", "compat=0.10")),
            ("vmdk", make("vmdk")),
            ("vmdk", make("vmdk", "subformat=streamOptimized")),
            ("vdi", make("vdi")),
            ("vhdx", make("vhdx")),
            ("vhd", make("vpc")),
            ("ploop", make("parallels")),
            ("iso", disk_files.cd()),
            ("ami", NOISE),
            ("aki", NOISE),
        ):
            for pieces in (data, in_pieces(data, 100_003)):
                image_id = self.client.create_image(disk_format=declared)
                self.check_taken(image_id, declared, pieces, data)

    def test_a_cd_that_is_a_disk_too(self) -> None:
        """It is let through; Glance itself refuses it before 2026.1."""
        data = disk_files.cd(with_partitions=True)
        alone = self.useFixture(real_glance.RealGlance()).client()
        expected = alone.upload(
            alone.create_image(disk_format="iso"), data
        ).status
        for pieces in (data, in_pieces(data, 100_003)):
            image_id = self.client.create_image(disk_format="iso")
            status, text = self.put(image_id, pieces)
            self.assertEqual(expected, status, text)
            if status == 204:
                self.check_stored(image_id, data)
            else:
                self.assertNotIn("disk format", text)

    def test_what_shows_only_later(self) -> None:
        """Refused from inside the stream, Glance forgets what it stored."""
        vhdx = bytearray(self.images.make("vhdx"))
        # The table of regions is behind the head.
        vhdx[192 * 1024 : 192 * 1024 + 4] = b"oops"
        for pieces in (bytes(vhdx), in_pieces(bytes(vhdx), 50_000)):
            image_id = self.client.create_image(disk_format="vhdx")
            status, text = self.put(image_id, pieces)
            self.assertEqual(415, status, text)
            self.assertIn("vhdx", text)
            self.check_untouched(image_id)
            self.check_logged(image_id, "vhdx")
            good = self.images.make("vhdx")
            self.check_taken(image_id, "vhdx", good, good)

    def test_containers_are_not_looked_at(self) -> None:
        image_id = self.client.create_image(
            disk_format="qcow2", container_format="ova"
        )
        self.assertEqual(204, self.put(image_id, NOISE)[0])
        self.check_stored(image_id, NOISE)

    def test_refusals_of_glance_stay(self) -> None:
        no_format = self.client.send_json("POST", "/v2/images", {}).json["id"]
        active = self.client.create_image(NOISE)
        other = self.glance.client(auth.STRANGER).create_image()
        for image_id, status in (
            (no_format, 400),
            (active, 409),
            (other, 404),
            ("no-such-image", 404),
        ):
            self.assertEqual(status, self.put(image_id, NOISE)[0], image_id)


class StreamTest(ContentsCase):
    """Clients of all kinds."""

    def test_chunks_of_any_size(self) -> None:
        for size in (1000, 65536, 1_000_000):
            image_id = self.client.create_image()
            pieces = in_pieces(NOISE, size)
            self.assertEqual(204, self.put(image_id, pieces)[0])
            self.check_stored(image_id, NOISE)
            image_id = self.client.create_image(disk_format="qcow2")
            status, text = self.put(image_id, in_pieces(NOISE, size))
            self.assertEqual(415, status, text)
            self.check_untouched(image_id)

    def test_empty(self) -> None:
        for declared, status in (("raw", 204), ("qcow2", 415)):
            image_id = self.client.create_image(disk_format=declared)
            self.assertEqual(status, self.put(image_id, b"")[0])

    def test_size_that_glance_is_told(self) -> None:
        """Some stores read no more than that: then no more was judged."""
        for spelling in ("{}", "+{}", "0_{}"):
            size = spelling.format(len(NOISE) - 1)
            image_id = self.client.create_image()
            status, text = self.put(
                image_id,
                in_pieces(NOISE, 100_000),
                headers={"x-openstack-image-size": size},
            )
            if status == 204:
                kept = self.client.download(image_id).body
                self.assertEqual(NOISE[:-1], kept)
                continue
            self.assertEqual((400, True), (status, "longer" in text), size)
            self.check_untouched(image_id)

    def test_slow_client(self) -> None:
        """Each byte of the head comes alone."""
        image_id = self.client.create_image()
        data = NOISE[:400]
        self.assertEqual(204, self.put(image_id, in_pieces(data, 1))[0])
        self.check_stored(image_id, data)

    @tests.in_process("Glance is done later, see test_proxy")
    def test_client_that_vanishes(self) -> None:
        for sent in (10, 300_000):
            image_id = self.client.create_image()
            head = (
                f"PUT /v2/images/{image_id}/file HTTP/1.1\r\n"
                f"Host: 127.0.0.1\r\n{auth.HEADER}: {auth.MEMBER}\r\n"
                "Content-Type: application/octet-stream\r\n"
                f"Content-Length: {len(NOISE)}\r\n\r\n"
            )
            with socket.create_connection(
                ("127.0.0.1", self.glance.port), timeout=60
            ) as connection:
                connection.sendall(head.encode() + NOISE[:sent])
                connection.shutdown(socket.SHUT_WR)
                # The server is done with it when it closes.
                while connection.recv(65536):
                    pass
            self.check_untouched(image_id)
            self.assertEqual(204, self.put(image_id, NOISE)[0])
            self.check_stored(image_id, NOISE)

    @testtools.skipIf(CURL is None, "curl is not installed")
    def test_expect_100_continue(self) -> None:
        for declared, status in (("raw", "204"), ("qcow2", "415")):
            image_id = self.client.create_image(disk_format=declared)
            done = subprocess.run(
                [
                    *("curl", "-sS", "-o", "-", "-w", "\n%{http_code}"),
                    *("-T", "-", "-X", "PUT"),
                    *("-H", "Content-Type: application/octet-stream"),
                    *("-H", f"{auth.HEADER}: {auth.MEMBER}"),
                    *("-H", "Expect: 100-continue"),
                    f"{self.glance.url}/v2/images/{image_id}/file",
                ],
                input=NOISE,
                capture_output=True,
            )
            code = done.stdout.decode().rpartition("\n")[2]
            self.assertEqual(status, code, str(done))


class UwsgiTest(StreamTest):
    """The server that keeps chunks out of wsgi.input."""

    server = real_glance.Server.UWSGI


class AllFiltersTest(StreamTest):
    """All filters in a row, each of which hands the body on."""

    filters = NAMES


class AllFiltersUwsgiTest(AllFiltersTest):
    server = real_glance.Server.UWSGI


class GuardUwsgiTest(ContentsCase):
    """location_guard alone, which watches for Glance's first read."""

    filters = ("location_guard",)
    server = real_glance.Server.UWSGI

    def test_chunks(self) -> None:
        image_id = self.client.create_image()
        self.assertEqual(204, self.put(image_id, in_pieces(NOISE, 50_000))[0])
        self.check_stored(image_id, NOISE)


@testtools.skipIf(disk_images.QEMU_IMG is None, "qemu-img is not installed")
class WarnTest(ContentsCase):
    mode = "auto"

    def test_mismatch_is_logged(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        # Glance itself takes anything that is declared raw.
        data = images.make("qcow2")
        image_id = self.client.create_image(disk_format="raw")
        self.assertEqual(204, self.put(image_id, data)[0])
        self.check_stored(image_id, data)
        self.assertIn(
            "Accepted despite format mismatch (inspect = warn): image "
            f"'{image_id}', disk_format 'raw', detected qcow2",
            self.glance.log,
        )

    def test_unsafe_is_refused(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        data = images.make_empty("qcow2", backing=True)
        for declared in ("qcow2", "raw", "ami"):
            self.check_refused(declared, data, "backing file")

    def test_each_kind_of_unsafe_data_is_refused(self) -> None:
        """What only the end tells is refused as what the head tells."""
        for kind in judged_images.UNSAFE:
            self.check_refused("raw", kind.images[0], kind.reason)


class OffTest(ContentsCase):
    mode = "off"

    def test_glance_decides(self) -> None:
        image_id = self.client.create_image(disk_format="qcow2")
        status, _ = self.put(image_id, NOISE)
        self.assertEqual(415, status)
        # That is what Glance 33.0.0 leaves behind.
        self.assertNotEqual([], self.stored(image_id))
