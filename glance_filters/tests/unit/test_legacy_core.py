# SPDX-License-Identifier: Apache-2.0

"""The legacy stub against the facts about the releases that it mimics.

unittest's own TestCase, for its subTest: each row is reported by itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import unittest
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref import util, validate

from glance_filters.tests.fixtures import legacy_facts
from glance_filters.tests.fixtures.legacy_core import DATA, LegacyCore
from glance_filters.tests.fixtures.legacy_facts import RELEASES, Fact
from glance_filters.tests.fixtures.legacy_images import HTTP_URL, Image

OCTET_STREAM = {"Content-Type": "application/octet-stream"}
PATCH_2_1 = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


@dataclass
class Answer:
    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> int:
        return int(self.status[:3])


def ask(
    core: LegacyCore,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    token: str | None = legacy_facts.TOKEN,
    source: Any = None,
) -> Answer:
    """Ask the stub through wsgiref's validator, and close the answer."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": legacy_facts.HOST,
        "wsgi.input": source or io.BytesIO(body or b""),
    }
    util.setup_testing_defaults(environ)
    if token is not None:
        environ["HTTP_X_AUTH_TOKEN"] = token
    headers = headers or {}
    if body is not None and "Transfer-Encoding" not in headers:
        headers = {**headers, "Content-Length": str(len(body))}
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = value
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        started.append((status, headers))
        return lambda chunk: None

    answer: Any = validate.validator(core)(environ, start_response)
    try:
        received = b"".join(answer)
    finally:
        answer.close()
    status, fields = started[0]
    return Answer(status, dict(fields), received)


def state(image: Image) -> list[Any]:
    """Return what the facts hold of an image."""
    return [
        image.status,
        image.size,
        image.checksum is not None,
        image.disk_format,
        [location.url.partition(":")[0] for location in image.locations],
    ]


class FactsTest(unittest.TestCase):
    def check(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            with self.subTest(fact.id, release=fact.release):
                self.check_fact(fact)

    def check_fact(self, fact: Fact) -> None:
        core = LegacyCore(fact.release)
        image = legacy_facts.add_image(core, fact.image)
        known = legacy_facts.fill(fact.answer, image)
        before = state(image)
        path = fact.path.replace("{id}", image.id)
        body = fact.body
        if body is not None and body.startswith(b"["):
            body = json.dumps(
                legacy_facts.fill(json.loads(body), image)
            ).encode()
        answer = ask(
            core, fact.method, path, fact.headers, body, token=fact.token
        )

        self.assertEqual(known["status"], answer.code, answer.body)
        self.check_lengths(known, answer)
        if "slice" in known:
            start, stop = known["slice"]
            data = legacy_facts.data_of(fact.image)
            self.assertEqual(data[start:stop], answer.body)
        if "text" in known and answer.code >= 400:
            text = f"{answer.status}\n\n{known['text']}"
            self.assertEqual(text, answer.body.decode().rstrip())
        for name, value in known.get("headers", {}).items():
            self.assertEqual(value, answer.headers.get(name))
        if "shows" in known:
            self.check_shown(known["shows"], json.loads(answer.body))
        if "locations_after" in known:
            after = [image.status, len(image.locations)]
            self.assertEqual(known["locations_after"], after)
        else:
            self.assertEqual(known.get("after", before), state(image))
        self.assertEqual([(fact.method, path.partition("?")[0])], core.calls)
        self.assertEqual([], core.open_bodies)

    def check_lengths(self, known: dict[str, Any], answer: Answer) -> None:
        if "promised" not in known:
            return
        promised = known["promised"]
        self.assertEqual(str(promised), answer.headers["Content-Length"])
        received = known.get("received", promised)
        self.assertEqual(received, len(answer.body))

    def check_shown(
        self, expected: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        shown["locations"] = [each["url"] for each in shown["locations"]]
        self.assertEqual(expected, {name: shown[name] for name in expected})

    def test_downloads(self) -> None:
        self.check(legacy_facts.downloads())

    def test_location_changes(self) -> None:
        self.check(legacy_facts.location_changes())

    def test_formats(self) -> None:
        self.check(legacy_facts.formats())

    def test_requests(self) -> None:
        self.check(legacy_facts.requests())

    def test_versions(self) -> None:
        for release, versions in legacy_facts.load()["versions"].items():
            for path in ("/", "/versions"):
                with self.subTest(path, release=release):
                    answer = ask(LegacyCore(release), "GET", path)
                    told = [
                        [
                            version["id"],
                            version["status"],
                            version["links"][0]["href"],
                        ]
                        for version in json.loads(answer.body)["versions"]
                    ]
                    expected = [
                        [name, status, f"http://{legacy_facts.HOST}{href}"]
                        for name, status, href in versions
                    ]
                    self.assertEqual(expected, told)

    def test_no_section_is_left_out(self) -> None:
        sections = {
            *("versions", "texts", "formats", "locations"),
            *("downloads", "requests", "during_upload"),
        }
        self.assertEqual(sections, legacy_facts.load().keys())


class Interrupting(io.BytesIO):
    """A request body at whose first read something else happens."""

    def __init__(self, data: bytes, what: Callable[[], Answer]) -> None:
        super().__init__(data)
        self._what = what
        self.answer: Answer | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self.answer is None:
            self.answer = self._what()
        return super().read(size)


class UploadTest(unittest.TestCase):
    """What happens to an image while its data is on the way."""

    def upload(
        self, release: str, method: str, body: bytes | None = None
    ) -> tuple[Image, Answer, Answer]:
        core = LegacyCore(release)
        image = core.add_image("queued", [])
        path = f"/v2/images/{image.id}"

        def interrupt() -> Answer:
            self.assertEqual("saving", image.status)
            return ask(core, method, path, PATCH_2_1, body)

        source = Interrupting(DATA, interrupt)
        answer = ask(
            core, "PUT", f"{path}/file", OCTET_STREAM, DATA, source=source
        )
        assert source.answer is not None
        return image, source.answer, answer

    def test_delete(self) -> None:
        known = legacy_facts.load()["during_upload"]["delete_during_upload"]
        for release in RELEASES:
            with self.subTest(release=release):
                image, deleted, uploaded = self.upload(release, "DELETE")
                self.assertEqual(known["delete"], deleted.code)
                self.assertEqual(
                    known["upload"], [uploaded.code, len(uploaded.body)]
                )
                self.assertIn(
                    legacy_facts.fill(known["text"], image).encode(),
                    uploaded.body,
                )
                self.assertEqual(known["after"], state(image))

    def test_replace_locations(self) -> None:
        known = legacy_facts.load()["during_upload"]["replace_during_upload"]
        value = [{"url": HTTP_URL, "metadata": {}}]
        patch = [{"op": "replace", "path": "/locations", "value": value}]
        for release in RELEASES:
            with self.subTest(release=release):
                image, replaced, uploaded = self.upload(
                    release, "PATCH", json.dumps(patch).encode()
                )
                self.assertEqual(known[release], replaced.code)
                self.assertEqual(204, uploaded.code)
                self.assertEqual(known["after"], state(image))


class Counting:
    """Zeros that are made up when they are read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.made_bytes = 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        made = bytes(part.stop - part.start)
        self.made_bytes += len(made)
        return made


class StubTest(unittest.TestCase):
    """What tests need of the stub besides its answers."""

    def download(self, core: LegacyCore, image: Image) -> Iterable[bytes]:
        environ: dict[str, Any] = {
            "PATH_INFO": f"/v2/images/{image.id}/file",
            "HTTP_X_AUTH_TOKEN": legacy_facts.TOKEN,
        }
        util.setup_testing_defaults(environ)
        return core(environ, lambda *args: lambda chunk: None)

    def test_bodies_are_open_until_they_are_closed(self) -> None:
        core = LegacyCore()
        body: Any = self.download(core, core.add_image())
        self.assertEqual([body], core.open_bodies)
        self.assertEqual(DATA, b"".join(body))
        self.assertEqual(len(DATA), body.bytes_read)
        self.assertEqual([body], core.open_bodies)
        body.close()
        self.assertEqual([], core.open_bodies)

    def test_data_is_made_as_it_is_read(self) -> None:
        core = LegacyCore("ocata")
        data = Counting(10 * 1024**3)
        image = core.add_image(data=data, checksum="0" * 32)
        body = self.download(core, image)
        first = next(iter(body))
        self.assertEqual(len(first), data.made_bytes)
        self.assertLess(len(first), 2 * 1024**2)
        self.assertEqual("0" * 32, image.checksum)

    def test_requests_are_recorded(self) -> None:
        core = LegacyCore()
        ask(core, "GET", "/versions", {"Content-Range": "bytes 0-0/1"})
        self.assertEqual([("GET", "/versions")], core.calls)
        self.assertEqual(
            "bytes 0-0/1", core.requests[0].headers["content-range"]
        )

    def test_other_projects_tokens(self) -> None:
        core = LegacyCore()
        image = core.add_image("deactivated", owner="wonderland")
        path = f"/v2/images/{image.id}/file"
        for roles, code in (("member,reader", 403), ("admin,member", 200)):
            answer = ask(core, "GET", path, token=f"a:wonderland:{roles}")
            self.assertEqual(code, answer.code)

    def test_upload_is_downloaded(self) -> None:
        core = LegacyCore()
        path = f"/v2/images/{core.add_image('queued', []).id}"
        ask(core, "PUT", f"{path}/file", OCTET_STREAM, b"new data")
        answer = ask(core, "GET", f"{path}/file")
        self.assertEqual(b"new data", answer.body)
        self.assertEqual(
            hashlib.md5(b"new data").hexdigest(),
            answer.headers["Content-MD5"],
        )

    def test_errors_come_in_the_form_that_is_accepted(self) -> None:
        for accept, form in (
            ("text/html", "text/html"),
            ("*/*", "text/html"),
            ("application/json", "application/json"),
        ):
            with self.subTest(accept):
                answer = ask(
                    LegacyCore(), "GET", "/v2/images/none", {"Accept": accept}
                )
                self.assertEqual(404, answer.code)
                self.assertIn(form, answer.headers["Content-Type"])

    def test_what_was_not_recorded_is_not_made_up(self) -> None:
        patches: tuple[tuple[str, Any], ...] = (
            ("name", {"op": "replace", "path": "/name", "value": "y"}),
            ("no operation", {"op": "move", "path": "/name", "from": "/a"}),
            ("position", {"op": "remove", "path": "/locations/x"}),
            ("past the end", {"op": "remove", "path": "/locations/7"}),
            (
                "other metadata",
                {
                    "op": "add",
                    "path": "/locations/-",
                    "value": {"url": HTTP_URL, "metadata": {"a": "b"}},
                },
            ),
        )
        rows: list[tuple[str, str, str, dict[str, str], bytes | None]] = [
            (name, "PATCH", "", PATCH_2_1, json.dumps([patch]).encode())
            for name, patch in patches
        ]
        rows += [
            ("no JSON", "PATCH", "", PATCH_2_1, b"["),
            ("an object", "PATCH", "", PATCH_2_1, b'{"op": "add"}'),
            ("members", "GET", "/members", {}, None),
            ("tags", "PUT", "/tags/a", {}, None),
            ("an action", "POST", "/actions/import", {}, None),
            ("reactivated", "POST", "/actions/reactivate", {}, None),
        ]
        for release in RELEASES:
            for name, method, path, headers, body in rows:
                with self.subTest(name, release=release):
                    core = LegacyCore(release)
                    image = core.add_image(locations=["file", "http"])
                    before = state(image)
                    path = f"/v2/images/{image.id}{path}"
                    answer = ask(core, method, path, headers, body)
                    self.assertEqual(501, answer.code)
                    self.assertIn(b"The stub does not know", answer.body)
                    self.assertEqual(before, state(image))
            for path in ("/v1/images", "/v2/images", "/v2/schemas/image"):
                with self.subTest(path, release=release):
                    answer = ask(LegacyCore(release), "GET", path)
                    self.assertEqual(501, answer.code)
