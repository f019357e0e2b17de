# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.acceptance import service
from glance_filters.tests.fixtures import raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation

HEAD = b"HTTP/1.1 200 OK\r\n"


def _closing(data: bytes) -> raw_upstream.Script:
    def script(client: Conversation) -> None:
        client.read_head()
        client.send(data)

    return script


def _open(data: bytes) -> raw_upstream.Script:
    def script(client: Conversation) -> None:
        _closing(data)(client)
        client.wait_closed()

    return script


class AnswerTest(testtools.TestCase):
    def get(self, script: raw_upstream.Script) -> service.Answer:
        upstream = self.useFixture(raw_upstream.RawUpstream(script))
        asked = service.Service(f"{upstream.url}/v2/", "secret", timeout=0.2)
        answer = asked.request("GET", "/v2/images")
        received = upstream.conversation().received
        self.assertIn(b"GET /v2/images HTTP/1.1\r\n", received)
        self.assertIn(b"X-Auth-Token: secret\r\n", received)
        return answer

    def test_what_is_promised_and_what_comes(self) -> None:
        length = HEAD + b"Content-Length: 10\r\n\r\n"
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        for script, body, text in (
            (_open(length + b"0123456789"), b"0123456789", "200 OK"),
            (
                _open(length + b"01"),
                b"01",
                "200 OK, promises 10 bytes, sends 2 and keeps the client "
                "waiting",
            ),
            (
                _closing(length + b"01"),
                b"01",
                "200 OK, promises 10 bytes, sends 2 and breaks off",
            ),
            (
                _closing(chunked + b"2\r\n01\r\n"),
                b"01",
                "200 OK, promises more bytes, sends 2 and breaks off",
            ),
            (_open(HEAD + b"Content-Length: 0\r\n\r\n"), b"", "200 OK"),
            (_open(b"HTTP/1.1 204 x\r\n\r\n"), b"", "204 No Content"),
            (_closing(b"HTTP/1.1 599 x\r\n\r\n"), b"", "599"),
        ):
            answer = self.get(script)
            self.assertEqual((body, text), (answer.body, str(answer)))

    def test_no_answer(self) -> None:
        for script in (_closing(b""), _open(b""), _closing(b"220 smtp\r\n")):
            self.assertRaises(service.Unreachable, self.get, script)

    def test_urls(self) -> None:
        for url in ("", "nowhere", "//h", "ftp://h", "http://"):
            self.assertRaises(ValueError, service.Service, url, "x")
