# SPDX-License-Identifier: Apache-2.0

"""The proxy, with all filters, in front of real Glance over sockets."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fixtures
import testtools

from glance_filters import proxy
from glance_filters.filters import range_translator
from glance_filters.tests import nightly
from glance_filters.tests.fixtures import (
    auth,
    certificates,
    class_fixture,
    http_client,
    http_data,
    legacy_glance,
    proxy_server,
    raw_upstream,
    real_glance,
)
from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.functional import (
    test_acceptance,
    test_download_clients,
)
from glance_filters.wsgi import bodies

ENFORCE = "[disk_format_validator]\ninspect = enforce\n"
BIG = bytes(16 * 2**20)
LONG_SECONDS = 120


class ProxiedGlance(testtools.TestCase):
    """Real Glance, and the proxy in front of it."""

    glance: real_glance.GlanceServer
    proxy: proxy_server.ProxyServer

    @classmethod
    def setUpClass(cls) -> None:
        # Not that of the clients, who have a Glance of their own.
        super(testtools.TestCase, cls).setUpClass()
        folder = class_fixture.use(cls, fixtures.TempDir())
        config = Path(folder.path, "filters.conf")
        config.write_text(ENFORCE)
        cls.glance = class_fixture.use(cls, real_glance.GlanceServer())
        cls.proxy = class_fixture.use(
            cls,
            proxy_server.ProxyServer(
                cls.glance.url, f"--config-file={config}"
            ),
        )


class ProxyTest(ProxiedGlance):
    def test_all_that_a_client_can_observe(self) -> None:
        test_acceptance.add_definitions(self.glance)
        web = self.useFixture(http_data.HttpDataServer({"/data": b"data"}))
        status, output, errors = test_acceptance.try_service(
            f"--url={self.proxy.url}",
            f"--alone={self.glance.url}",
            f"--location-url={web.url('/data')}",
        )
        self.assertEqual((0, ""), (status, errors), output)
        self.assertIn(" 0 lacks, 0 not tried\n", output)

    def test_who_asks(self) -> None:
        """The token goes through, and so does its refusal."""
        image_id = self.proxy.client().create_image(b"0123456789")
        path = f"/v2/images/{image_id}/file"
        for token, expected in (
            (auth.MEMBER, 206),
            (auth.STRANGER, 404),
            ("x", 401),
            (None, 401),
        ):
            client = self.proxy.client(token)
            answer = client.download(image_id, "bytes=2-3")
            self.assertEqual(expected, answer.status)
        self.assertNotIn(auth.MEMBER, self.proxy.log)
        self.assertIn(f'"GET {path} HTTP/1.1" 206 2 ', self.proxy.log)

    def test_links_lead_to_the_proxy(self) -> None:
        answer = self.proxy.client().request("GET", "/versions")
        links = {
            link["href"]
            for version in answer.json["versions"]
            for link in version["links"]
        }
        self.assertEqual({f"{self.proxy.url}/v2/"}, links)

    def wait_until_saving(self, image_id: str) -> None:
        """Wait until an upload has begun."""
        client = self.glance.client()
        end = time.monotonic() + LONG_SECONDS
        while client.show(image_id).json["status"] != "saving":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def check_nothing_kept(self, image_id: str) -> None:
        """Check that Glance has given up an upload, with all its data.

        It has as soon as the client is told.
        """
        image = self.glance.client().show(image_id).json
        self.assertEqual("queued", image["status"])
        files = self.glance.folder.root.glob(f"stores/**/{image_id}*")
        self.assertEqual([], list(files))

    def test_refused_at_its_last_byte(self) -> None:
        """Glance has the data by then, but not the end of the request."""
        client = self.proxy.client()
        image_id = client.create_image(disk_format="vhd")
        # Of a fixed VHD, the footer is the end.
        answer = client.upload(image_id, bytes(2**20))
        self.assertEqual(415, answer.status)
        self.check_nothing_kept(image_id)

    def test_client_gone(self) -> None:
        image_id = self.proxy.client().create_image()
        for fields, body in (
            ("Content-Length: 1000000", bytes(400_000)),
            ("Transfer-Encoding: chunked", b"61a80\r\n" + bytes(400_000)),
            (
                "Transfer-Encoding: chunked",
                b"61a80\r\n" + bytes(400_000) + b"\r\n",
            ),
        ):
            address = ("127.0.0.1", self.proxy.port)
            with socket.create_connection(address) as client:
                head = (
                    f"PUT /v2/images/{image_id}/file HTTP/1.1\r\n"
                    f"Host: x\r\n{auth.HEADER}: {auth.MEMBER}\r\n"
                    "Content-Type: application/octet-stream\r\n"
                    f"{fields}\r\n\r\n"
                )
                client.sendall(head.encode() + body)
                self.wait_until_saving(image_id)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            self.check_nothing_kept(image_id)


@nightly
class ProxiedClientsTest(
    ProxiedGlance, test_download_clients.DownloadClientsTest
):
    """The programs that people download images with."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.proxy  # type: ignore[assignment]

    def test_glanceclient(self) -> None:
        image_id = self.server.client().create_image()
        raw = self.folder / "raw"
        raw.write_bytes(test_download_clients.DATA)
        for arguments in (
            ("image-upload", "--file", str(raw), image_id),
            ("image-download", "--file", "file", image_id),
        ):
            self.run_program(
                str(Path(sys.executable).parent / "glance"),
                *("--os-auth-token", auth.MEMBER),
                *("--os-image-url", self.server.url),
                *arguments,
            )
        self.check(self.folder / "file")


class FaultTest(testtools.TestCase):
    """A Glance that is killed, stopped, and started again."""

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.GlanceServer())
        self.server = self.useFixture(
            proxy_server.ProxyServer(self.glance.url, "--read-timeout=3")
        )
        self.image_id = self.glance.client().create_image(BIG)

    def signal(self, number: int) -> None:
        """Send a signal to all processes of Glance."""
        master = self.glance.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        for pid in (master, *map(int, children.split())):
            os.kill(pid, number)

    def download(self) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.addCleanup(connection.close)
        connection.request(
            "GET",
            f"/v2/images/{self.image_id}/file",
            headers={auth.HEADER: auth.MEMBER},
        )
        return connection.getresponse()

    def download_in_time(self) -> http.client.HTTPResponse:
        """Ask until Glance answers in time: the machine may be busy."""
        while (answer := self.download()).status == 504:
            pass
        return answer

    def test_stopped_and_killed(self) -> None:
        answer = self.download_in_time()
        answer.read(1000)
        self.signal(signal.SIGSTOP)
        try:
            self.assertRaises(http.client.IncompleteRead, answer.read)
            self.assertEqual(504, self.download().status)
        finally:
            self.signal(signal.SIGCONT)
        self.assertEqual(BIG, self.download_in_time().read())
        answer = self.download_in_time()
        answer.read(1000)
        self.signal(signal.SIGKILL)
        self.assertRaises(http.client.IncompleteRead, answer.read)
        self.assertEqual(502, self.download().status)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
_BROKEN = (
    _HEAD + b"Content-Length: 10\r\n\r\n01234",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n012",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\n",
)


def _answer(client: Conversation) -> None:
    """Break an answer off as the path says, or answer what came; close."""
    head = client.read_head()
    path = head.split(b" ")[1]
    if path[1:].isdigit():
        client.send(_BROKEN[int(path[1:])])
        return
    length = re.search(rb"\r\nContent-Length: ([0-9]+)\r\n", head)
    body = client.read(int(length[1]) if length else 0)
    if b"\r\nTransfer-Encoding: chunked\r\n" in head:
        body = client.read_until(b"0\r\n\r\n")
    client.answer(head + body, is_last=True)


class ServeTest(testtools.TestCase):
    """The server, in front of an upstream of raw bytes."""

    upstream: raw_upstream.RawUpstream
    server: proxy_server.ProxyServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.upstream = class_fixture.use(
            cls, raw_upstream.RawUpstream(_answer)
        )
        cls.server = class_fixture.use(
            cls, proxy_server.ProxyServer(cls.upstream.url)
        )

    def send(self, request: bytes) -> bytes:
        """Send a request as it is; return all that is answered."""
        address = ("127.0.0.1", self.server.port)
        with socket.create_connection(address) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def test_what_is_sent_on(self) -> None:
        host = b"Host: h\r\n"
        for request, expected, absent in (
            (
                b"GET /a HTTP/1.0\r\n\r\n",
                b"GET /a HTTP/1.1\r\n|Via: 1.0 glance-filters\r\n",
                b"",
            ),
            (
                b"GET http://other/a?b#c HTTP/1.1\r\n" + host + b"\r\n",
                b"GET /a?b HTTP/1.1\r\n|Host: h\r\n",
                b"other|#",
            ),
            (
                b"GET /a%2Fb%00%c3%a4%0a%23%3f?%c3%a4%0a HTTP/1.1\r\n"
                + host
                + b"\r\n",
                b"GET /a/b%00%C3%A4%0A%23%3F?%C3%A4%0A HTTP/1.1\r\n",
                b"",
            ),
            (
                b"GET /a HTTP/1.1\r\nX-A: a\r\nX-B:\r\nX-A: \r\nX-A: \xe4\r\n"
                + host
                + b"\r\n",
                b"X-A: a,,\xe4\r\n|X-B: \r\n",
                b"",
            ),
            (
                b"GET /a HTTP/1.1\r\nX-A: "
                + b"a" * 16000
                + b"\r\n"
                + host
                + b"\r\n",
                b"X-A: " + b"a" * 16000 + b"\r\n",
                b"",
            ),
            (
                b"GET /a HTTP/1.1\r\nConnection: Upgrade, x-a, Host\r\n"
                b"Connection: X-B\r\nUpgrade: h2c\r\nX-A: a\r\nX-B: b\r\n"
                + host
                + b"\r\n",
                b"Host: h\r\n",
                b"X-A|X-B|Upgrade|Connection",
            ),
            (
                b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                b"Trailer: X-T\r\n" + host + b"\r\n"
                b"4;a=b\r\ndata\r\n0\r\nX-T: a\r\n\r\n",
                b"\r\n\r\n4\r\ndata\r\n0\r\n\r\n",
                b"X-T|a=b|Content-Length",
            ),
            (
                b"DELETE /a HTTP/1.1\r\nContent-Length: 04\r\n"
                + host
                + b"\r\ndata",
                b"Content-Length: 4\r\n|\r\n\r\ndata",
                b"",
            ),
            (
                b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\n"
                b"Content-Length: 4\r\n" + host + b"\r\ndata",
                b"\r\n\r\ndata",
                # gunicorn has told the client to go on.
                b"Expect",
            ),
        ):
            _, _, sent = self.send(request).partition(b"glance-filters\r\n")
            for each in expected.split(b"|"):
                self.assertIn(each, sent, repr(request))
            for each in filter(None, absent.split(b"|")):
                self.assertNotIn(each, sent, repr(request))

    def test_nothing_is_smuggled(self) -> None:
        before = len(self.upstream.conversations)
        chunk = b"0\r\n\r\n"
        for request in (
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Length: 5\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
            b"Content-Length: 6\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
            b"Content-Length: 5\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n"
            + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n"
            + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n"
            + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\n"
            b"Transfer-Encoding: xchunked\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\n"
            b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunk,
            b"POST / HTTP/1.1\r\nHost: h\r\n"
            b"Transfer-Encoding:\x0bchunked\r\n\r\n" + chunk,
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
            b"GET / HTTP/1.1\r\nHost: h\r\nX-A: a\rX-B: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nX-A: a\0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\n X-A: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nX A: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: h g\r\n\r\n",
            b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a/%2e%2E/b HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /a%2f.%2fb HTTP/1.1\r\nHost: h\r\n\r\n",
            b"CONNECT other:80 HTTP/1.1\r\nHost: h\r\n\r\n",
            b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: else\r\n"
            b"Content-Length: 5\r\n\r\n" + chunk,
        ):
            answer = self.send(request)
            statuses = re.findall(rb"^HTTP/1\.1 ([0-9])", answer, re.M)
            self.assertIn(statuses, ([b"4"], [b"5"]), repr(request))
            self.assertEqual(before, len(self.upstream.conversations))

    def test_a_broken_answer_is_never_a_whole_one(self) -> None:
        for number in range(len(_BROKEN)):
            self.assertRaises(
                http.client.IncompleteRead,
                self.server.client().request,
                "GET",
                f"/{number}",
            )

    def test_wrong_options(self) -> None:
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        (folder / "wrong.conf").write_text(
            "[range_translator]\nmax_ranges = many\n"
        )
        done = subprocess.run(
            [
                *(sys.executable, "-m", "glance_filters.cmd.main", "serve"),
                *("--upstream=http://h", "--listen=127.0.0.1:0"),
                f"--config-file={folder}/wrong.conf",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(2, done.returncode, done.stderr)
        [line] = done.stderr.splitlines()
        self.assertIn("max_ranges", line)


class RecordedTest(testtools.TestCase):
    """Downloads as Newton and Ocata were recorded to answer them.

    Newton promises the whole image for a part of it, and keeps the connection
    open; so do both past the end of an image.
    """

    def answers(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield status, promised length, and what comes."""
        for requests in legacy_glance.facts()["downloads"].values():
            for _, by_release in requests:
                for status, promised, *rest in by_release.values():
                    if len(rest) == 2 and promised <= len(legacy_glance.DATA):
                        start, stop = rest
                        yield status, promised, legacy_glance.DATA[start:stop]

    def test_what_was_asked_for_is_taken(self) -> None:
        answers = set(self.answers())
        self.assertTrue(any(each[1] > len(each[2]) for each in answers))
        for status, promised, data in answers:

            def script(
                client: Conversation,
                head: str = f"{status} OK\r\nContent-Length: {promised}",
                data: bytes = data,
            ) -> None:
                client.read_head()
                client.send(f"HTTP/1.1 {head}\r\n\r\n".encode() + data)
                client.wait_closed()

            with raw_upstream.RawUpstream(script) as upstream:
                app = proxy.app_factory({}, upstream=upstream.url)
                self.assertEqual(data, self.take(app, len(data)))
                if promised > len(data):
                    self.assertTrue(upstream.conversation().closed.wait(30))

    def take(self, app: Any, count: int) -> bytes:
        """Read so many bytes of an answer, and close it."""
        environ = http_client.make_environ("GET", "/", {}, b"")
        body = app(environ, lambda *args: lambda data: None)
        taken = b""
        chunks = iter(body)
        while len(taken) < count:
            taken += next(chunks)
        bodies.close(body)
        return taken

    def test_range_translator_before_newton(self) -> None:
        image_id = "71c675ab-d94f-49cd-a114-e12490b328d9"
        versions = {"versions": [{"id": "v2.4", "status": "CURRENT"}]}
        image = {"id": image_id, "status": "active", "size": 200_000}
        data = b"".join(n.to_bytes(4, "big") for n in range(50_000))

        def newton(client: Conversation) -> None:
            while head := client.read_head():
                if b"/file " not in head:
                    is_image = b"/v2/images/" in head
                    document = image if is_image else versions
                    client.answer(json.dumps(document).encode())
                    continue
                asked = re.search(rb"Content-Range: bytes (\d+)-(\d+)/", head)
                self.assertIsNotNone(asked, repr(head))
                assert asked is not None
                client.send(
                    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
                    b"Content-Length: 200000\r\n\r\n"
                    + data[int(asked[1]) : int(asked[2]) + 1]
                )
                client.wait_closed()

        upstream = self.useFixture(raw_upstream.RawUpstream(newton))
        factory = range_translator.RangeTranslator.factory({})
        app = factory(proxy.app_factory({}, upstream=upstream.url))
        client = http_client.WsgiClient(app)
        for text, parts in (
            ("bytes=5-9", [data[5:10]]),
            ("bytes=-5", [data[-5:]]),
            ("bytes=1000-190000", [data[1000:190_001]]),
            ("bytes=0-4,100-104", [data[:5], data[100:105]]),
        ):
            answer = client.download(image_id, text)
            self.assertEqual(206, answer.status)
            for part in parts:
                self.assertIn(part, answer.body)


class TlsTest(testtools.TestCase):
    """An upstream that speaks TLS."""

    def test_certificates(self) -> None:
        authority = self.useFixture(certificates.Authority())

        def serve(client: Conversation) -> None:
            head = client.read_head()
            if head.startswith(b"PUT"):
                client.read(4)
            client.answer(b"data", is_last=True)

        upstream = self.useFixture(
            raw_upstream.RawUpstream(serve, context=authority.context)
        )
        for host, section, expected in (
            ("localhost", {"ca_file": authority.file}, 200),
            ("127.0.0.1", {"ca_file": authority.file}, 502),
            ("localhost", {}, 502),
            ("127.0.0.1", {"verify": "false"}, 200),
        ):
            url = f"https://{host}:{upstream.port}"
            app = proxy.app_factory({}, upstream=url, **section)
            client = http_client.WsgiClient(app, None)
            self.assertEqual(expected, client.request("GET", "/").status)
            answer = client.request("PUT", "/", body=b"data")
            self.assertEqual(expected, answer.status)
