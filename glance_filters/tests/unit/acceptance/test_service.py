# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import threading
from collections.abc import Callable
from unittest import mock

import testtools

from glance_filters.acceptance import service
from glance_filters.tests.fixtures import raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation

HEAD = b"HTTP/1.1 200 OK\r\n"

# For what comes, and for what does not.
PATIENT_SECONDS = 30
IMPATIENT_SECONDS = 0.2


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
    def get(
        self, script: raw_upstream.Script, timeout: float = PATIENT_SECONDS
    ) -> service.Answer:
        upstream = self.useFixture(raw_upstream.RawUpstream(script))
        asked = service.Service(f"{upstream.url}/v2/", "secret", None, timeout)
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
            (
                _closing(b"HTTP/1.1 416 x\r\n\r\n"),
                b"",
                "416 Range Not Satisfiable",
            ),
            (_closing(b"HTTP/1.1 599 x\r\n\r\n"), b"", "599"),
        ):
            answer = self.get(script)
            self.assertEqual((body, text), (answer.body, str(answer)))

    def test_the_rest_does_not_come(self) -> None:
        script = _open(HEAD + b"Content-Length: 10\r\n\r\n01")
        for _ in range(20):
            # Once more if the header did not come in time.
            with contextlib.suppress(service.Unreachable):
                answer = self.get(script, IMPATIENT_SECONDS)
                break
        self.assertEqual(b"01", answer.body)
        self.assertEqual(
            "200 OK, promises 10 bytes, sends 2 and keeps the client waiting",
            str(answer),
        )

    def test_no_answer(self) -> None:
        for script, timeout in (
            (_closing(b""), PATIENT_SECONDS),
            (_open(b""), IMPATIENT_SECONDS),
            (_closing(b"220 smtp\r\n"), PATIENT_SECONDS),
        ):
            self.assertRaises(service.Unreachable, self.get, script, timeout)

    def test_a_lost_connection(self) -> None:
        def reset(client: Conversation) -> None:
            client.read_head()
            client.send(HEAD + b"Content-Length: 10\r\n\r\n01")
            client.reset()

        self.assertFalse(self.get(reset).is_whole)

    def test_fields(self) -> None:
        answer = service.Answer(200, (("A-b", "1"), ("a-B", "2")), b"[1")
        self.assertEqual("1", answer.header("a-b"))
        self.assertIsNone(answer.header("a"))
        self.assertIsNone(answer.json)
        answer = service.Answer(200, (), b"[1]")
        self.assertEqual([1], answer.json)

    def test_phrases(self) -> None:
        """Of RFC 9110 (15.5), whichever Python has."""
        for text in (
            "413 Content Too Large",
            "414 URI Too Long",
            "416 Range Not Satisfiable",
            "422 Unprocessable Content",
        ):
            answer = service.Answer(int(text[:3]), (), b"")
            self.assertEqual(text, str(answer))

    def test_no_more_is_read_than_any_answer_has(self) -> None:
        response = mock.Mock(status=200, length=None)
        response.getheaders.return_value = []
        response.read1.return_value = bytes(2**20)
        self.assertEqual(2**24, len(service._read(response).body))

    def test_urls(self) -> None:
        for url in (
            *("", "nowhere", "//h", "ftp://h", "http://", "http://[h"),
            *("http://h:x", "http://h:70000", "http://a..b", "http://a b"),
            *(f"http://{64 * 'a'}.test", "http://h/a b", "http://h/\xe9"),
            "http://h/\x7f",
        ):
            error = self.assertRaises(ValueError, service.Service, url, "x")
            self.assertEqual(f"not a URL of a service: {url!r}", str(error))
        for url in (
            "http://b\xfccher.test/v2",
            "http://[::1]:1",
            "https://h.",
        ):
            service.Service(url, "x")

    def test_tokens_and_times(self) -> None:
        for token, timeout in (
            *(("x\n", 1.0), ("\u0436", 1.0), ("\xe4", 1.0), ("x\0", 1.0)),
            *(("x", 0.0), ("x", -1.0), ("x", 1e6), ("x", float("nan"))),
        ):
            self.assertRaises(
                ValueError, service.Service, "http://h", token, None, timeout
            )
        for timeout in (0.001, 999_999.0):
            service.Service("http://h", "x~", None, timeout)


class RequestTest(testtools.TestCase):
    """What is sent: (request line, fields, body)."""

    def exchange(
        self, send: Callable[[service.Service], service.Answer], base: str = ""
    ) -> tuple[str, dict[str, str], bytes]:
        sent: list[bytes] = []

        def script(client: Conversation) -> None:
            head = client.read_head()
            sent.append(head)
            length = re.search(rb"(?i)content-length: *([0-9]+)", head)
            sent.append(client.read(int(length[1]) if length else 0))
            client.answer(b"answer")

        upstream = self.useFixture(raw_upstream.RawUpstream(script))
        answer = send(service.Service(upstream.url + base, "secret"))
        self.assertEqual((200, b"answer"), (answer.status, answer.body))
        line, *fields = sent[0].decode().strip().split("\r\n")
        found = dict(field.split(": ", 1) for field in fields)
        self.assertEqual("secret", found["X-Auth-Token"])
        return line, found, sent[1]

    def test_each(self) -> None:
        octets = "application/octet-stream"
        patch = "application/openstack-images-v2.1-json-patch"
        for send, line, content_type, body in (
            (
                lambda each: each.request("GET", "/v2/x?a=b"),
                "GET /v2/x?a=b",
                None,
                b"",
            ),
            (
                lambda each: each.send_json("POST", "/v2/x", {"a": [1]}),
                "POST /v2/x",
                "application/json",
                b'{"a": [1]}',
            ),
            (
                lambda each: each.patch("ID", {"op": "a"}, {"op": "b"}),
                "PATCH /v2/images/ID",
                patch,
                b'[{"op": "a"}, {"op": "b"}]',
            ),
            (
                lambda each: each.upload("ID", b"data"),
                "PUT /v2/images/ID/file",
                octets,
                b"data",
            ),
            (self.upload_slowly, "PUT /v2/images/ID/file", octets, b"12345"),
        ):
            for base, prefix in (
                ("", ""),
                ("/v2", ""),
                ("/x/", "/x"),
                ("/image/v2/", "/image"),
            ):
                found = self.exchange(send, base)
                method, path = line.split(" ")
                self.assertEqual(f"{method} {prefix}{path} HTTP/1.1", found[0])
                self.assertEqual(content_type, found[1].get("Content-Type"))
                self.assertEqual(body, found[2])

    @staticmethod
    def upload_slowly(asked: service.Service) -> service.Answer:
        with asked.slow_upload("ID", b"12345") as finish:
            return finish()

    def test_half_of_a_slow_upload_is_sent_first(self) -> None:
        read: list[bytes] = []
        half = threading.Event()

        def script(client: Conversation) -> None:
            client.read_head()
            read.append(client.read(4))
            half.set()
            read.append(client.read(4))
            client.answer()

        upstream = self.useFixture(raw_upstream.RawUpstream(script))
        asked = service.Service(upstream.url, "x")
        with asked.slow_upload("ID", b"12345678") as finish:
            half.wait(30)
            self.assertEqual([b"1234"], read)
            finish()
        self.assertEqual([b"1234", b"5678"], read)

    def test_how_it_connects(self) -> None:
        """(URL, what connects, where to)"""
        context = ssl.create_default_context()
        verified = {"context": context}
        for url, name, port, more in (
            ("https://h/v2", "HTTPSConnection", None, verified),
            ("https://h:9292", "HTTPSConnection", 9292, verified),
            ("http://h:9292", "HTTPConnection", 9292, {}),
        ):
            asked = service.Service(url, "x", context, timeout=7)
            with mock.patch.object(http.client, name) as connection:
                connection.return_value.getresponse.side_effect = OSError("x")
                with testtools.ExpectedException(
                    service.Unreachable, "OSError: x"
                ):
                    asked.request("GET", "/")
            (given,) = connection.call_args_list
            self.assertEqual(mock.call("h", port, timeout=7, **more), given)
            connection.return_value.close.assert_called_once_with()
