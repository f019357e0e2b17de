# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import pathlib
from typing import Any

import fixtures
import testtools
import webob

from glance_filters.filters import configuration, metadef_overlay
from glance_filters.metadefs import files as metadefs
from glance_filters.metadefs import packaged
from glance_filters.tests.fixtures import newton_metadefs as newton
from glance_filters.tests.unit import fakes

BASE = "/v2/metadefs/namespaces/"
SPACE = BASE + newton.NAMESPACE
TYPES = newton.PROPERTIES["hypervisor_type"]["enum"]
JSON = ("Content-Type", "application/json")
NOT_FOUND = fakes.Answer("404 Not Found", b"no such thing")


def answer_of(document: Any, *headers: tuple[str, str]) -> fakes.Answer:
    body = json.dumps(document).encode()
    length = ("Content-Length", str(len(body)))
    return fakes.Answer(body=body, headers=(JSON, length, *headers))


class OverlayCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = fakes.Glance(
            {
                SPACE: answer_of(newton.DOCUMENT),
                SPACE + "/properties": answer_of(
                    {"properties": newton.PROPERTIES}
                ),
                "GET": NOT_FOUND,
            }
        )
        for name, document in newton.PROPERTIES.items():
            self.glance.answers[f"{SPACE}/properties/{name}"] = answer_of(
                {**document, "name": name}
            )
        self.addCleanup(self.check_closed)

    def check_closed(self) -> None:
        self.assertEqual(0, self.glance.open_bodies)

    def filter(self, **section: str) -> metadef_overlay.MetadefOverlay:
        made = metadef_overlay.MetadefOverlay.factory({}, **section)(
            self.glance
        )
        assert isinstance(made, metadef_overlay.MetadefOverlay)
        return made

    def get(
        self,
        path: str,
        method: str = "GET",
        app: Any = None,
        **keys: Any,
    ) -> tuple[int, dict[str, str], bytes]:
        environ = fakes.environ_of(method, path, **keys)
        app = app or self.filter()
        status, headers, chunks = webob.Request(environ).call_application(app)
        body = b"".join(chunks)
        getattr(chunks, "close", list)()
        self.assertEqual(len(dict(headers)), len(headers), str(headers))
        return int(status[:3]), dict(headers), body

    def document(self, path: str, /, **keys: Any) -> Any:
        status, headers, body = self.get(path, **keys)
        self.assertEqual(200, status)
        self.assertEqual(str(len(body)), headers["Content-Length"])
        self.assertEqual("application/json", headers["Content-Type"])
        return json.loads(body)

    def folder(self, **files: Any) -> str:
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name, document in files.items():
            (root / f"{name}.json").write_text(json.dumps(document))
        return str(root)


class NewtonTest(OverlayCase):
    """The answers of Newton, plus what it lacks, and nothing else."""

    def setUp(self) -> None:
        super().setUp()
        shipped = metadefs.read_folder(packaged.metadefs_folder())
        ours = json.loads(
            (packaged.metadefs_folder() / "compute-hypervisor.json").read_text(
                "utf-8"
            )
        )["properties"]
        self.assertIn(newton.NAMESPACE, shipped.namespaces)
        self.version = ours["hypervisor_version_requires"]
        every = ours["hypervisor_type"]["enum"]
        self.newer = [each for each in every if each not in TYPES]
        self.assertIn("vz", self.newer)
        self.expected = {
            "vm_mode": newton.PROPERTIES["vm_mode"],
            "hypervisor_type": {
                **newton.PROPERTIES["hypervisor_type"],
                "enum": TYPES + self.newer,
            },
            "hypervisor_version_requires": self.version,
        }

    def test_namespace(self) -> None:
        self.assertEqual(
            {**newton.DOCUMENT, "properties": self.expected},
            self.document(SPACE),
        )

    def test_properties(self) -> None:
        self.assertEqual(
            {"properties": self.expected},
            self.document(SPACE + "/properties"),
        )

    def test_each_property(self) -> None:
        for name, expected in self.expected.items():
            self.assertEqual(
                {**expected, "name": name},
                self.document(f"{SPACE}/properties/{name}"),
            )


class VisibilityTest(OverlayCase):
    def test_what_glance_hides_stays_hidden(self) -> None:
        self.glance.answers = {"GET": NOT_FOUND}
        for path in ("", "/properties", "/properties/hypervisor_type"):
            status, _, body = self.get(SPACE + path)
            self.assertEqual((404, NOT_FOUND.body), (status, body))

    def test_fields_of_a_property_that_only_we_have(self) -> None:
        fields = (("Content-Type", "text/html"), ("X-Told", "a"))
        self.glance.answers[SPACE] = answer_of(newton.DOCUMENT)
        self.glance.answers["GET"] = fakes.Answer(
            "404 Not Found", b"none", headers=fields
        )
        path = SPACE + "/properties/hypervisor_version_requires"
        status, headers, _ = self.get(path)
        self.assertEqual(200, status)
        self.assertEqual("a", headers["X-Told"])
        self.assertEqual("application/json", headers["Content-Type"])

    def test_property_that_nobody_has(self) -> None:
        status, _, body = self.get(SPACE + "/properties/none")
        self.assertEqual((404, NOT_FOUND.body), (status, body))

    def test_glance_that_does_not_tell_about_the_namespace(self) -> None:
        path = SPACE + "/properties/hypervisor_version_requires"
        for told in (
            fakes.Answer(error=RuntimeError("broken")),
            fakes.Answer(body=b"no json"),
            fakes.Answer(body=b"[]"),
            fakes.Answer("500 Internal Server Error"),
        ):
            self.glance.answers[SPACE] = told
            status, _, body = self.get(path)
            self.assertEqual((404, NOT_FOUND.body), (status, body))

    def test_resource_type_s_prefix(self) -> None:
        association = {"name": "OS::Glance::Image", "prefix": "hw_"}
        self.glance.answers[SPACE] = answer_of(
            {**newton.DOCUMENT, "resource_type_associations": [association]}
        )
        path = SPACE + "/properties/"
        for name, query, status in (
            ("hw_hypervisor_version_requires", "OS::Glance::Image", 200),
            ("hypervisor_version_requires", "OS::Glance::Image", 404),
            ("hypervisor_version_requires", "OS::Nova::Flavor", 404),
            ("hw_hypervisor_version_requires", "", 404),
            ("hypervisor_version_requires", "", 200),
            ("hypervisor_version_requires", "%FF", 200),
        ):
            found = self.get(
                path + name, QUERY_STRING=f"resource_type={query}"
            )
            self.assertEqual(status, found[0], f"{name} {query}")
        document = self.document(
            SPACE, QUERY_STRING="resource_type=OS::Glance::Image"
        )
        self.assertIn("hw_hypervisor_version_requires", document["properties"])

    def test_child_request_is_about_the_same_version(self) -> None:
        self.get(SPACE + "/properties/hypervisor_version_requires")
        asked = [path for _, path, _ in self.glance.asked]
        self.assertEqual(
            [SPACE + "/properties/hypervisor_version_requires", SPACE], asked
        )


class HeadersTest(OverlayCase):
    def test_about_the_old_body(self) -> None:
        told = (
            ("ETag", '"a"'),
            ("Content-MD5", "b"),
            ("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT"),
            ("X-Openstack-Request-Id", "req-1"),
        )
        self.glance.answers[SPACE] = answer_of(newton.DOCUMENT, *told)
        _, headers, _ = self.get(SPACE)
        self.assertEqual(
            {"Content-Type", "Content-Length", "X-Openstack-Request-Id"},
            set(headers),
        )

    def test_answer_that_lacks_nothing_is_not_changed(self) -> None:
        told = answer_of({"properties": 1}, ("ETag", '"a"'))
        self.glance.answers[SPACE + "/properties"] = told
        status, headers, body = self.get(SPACE + "/properties")
        self.assertEqual(
            (200, dict(told.headers), told.body), (status, headers, body)
        )

    def test_glance_is_asked_for_all_it_has(self) -> None:
        fields = {
            "HTTP_IF_NONE_MATCH": '"a"',
            "HTTP_IF_MODIFIED_SINCE": "Mon, 23 Nov 2026 00:00:00 GMT",
            "HTTP_RANGE": "bytes=0-1",
            "HTTP_ACCEPT_ENCODING": "gzip",
            "HTTP_ACCEPT_LANGUAGE": "de",
        }
        self.get(SPACE, **fields)
        self.get(BASE + "Another", **fields)
        of_ours, of_others = self.glance.environs
        self.assertEqual(
            {"HTTP_ACCEPT_LANGUAGE"}, fields.keys() & of_ours.keys()
        )
        self.assertEqual(fields.keys(), fields.keys() & of_others.keys())


class UntouchedTest(OverlayCase):
    def check_untouched(
        self, path: str, answer: fakes.Answer, method: str = "GET"
    ) -> None:
        self.glance.answers = {method: answer}
        status, headers, body = self.get(path, method=method)
        self.assertEqual(
            (answer.status[:3], dict(answer.headers), answer.body),
            (str(status), headers, body),
        )

    def test_unreadable(self) -> None:
        whole = answer_of(newton.DOCUMENT)
        for answer in (
            fakes.Answer(body=whole.body[:-1]),
            fakes.Answer(body=b"[" * 100_000),
            fakes.Answer(body=b"\xff\xfe\x00"),
            fakes.Answer(body=b'"' + b"x" * 5_000_000 + b'"'),
            fakes.Answer(body=b"null"),
            answer_of(newton.DOCUMENT, ("Content-Encoding", "gzip")),
            fakes.Answer("500 Internal Server Error", whole.body),
            fakes.Answer("206 Partial Content", whole.body),
        ):
            self.check_untouched(SPACE, answer)

    def test_longest_document(self) -> None:
        text = json.dumps(newton.DOCUMENT).encode()
        self.check_untouched(SPACE, fakes.Answer(body=text.ljust(2**22 + 1)))
        answer = fakes.Answer(body=text.ljust(2**22))
        self.glance.answers = {"GET": answer}
        self.assertNotEqual(newton.DOCUMENT, self.document(SPACE))

    def test_others(self) -> None:
        for method, path in (
            ("GET", BASE + "OS::Compute::Other"),
            ("GET", BASE[:-1]),
            ("GET", SPACE + "/objects"),
            ("GET", SPACE + "/properties/a/b"),
            ("GET", "/v2/images/a"),
            ("PUT", SPACE),
            ("POST", SPACE + "/properties"),
            ("HEAD", SPACE),
        ):
            self.check_untouched(path, answer_of(newton.DOCUMENT), method)

    def test_disabled(self) -> None:
        app = self.filter(enabled="false", metadefs_dir="/nowhere")
        _, _, body = self.get(SPACE, app=app)
        self.assertEqual(newton.DOCUMENT, json.loads(body))


class FilesTest(OverlayCase):
    def test_wrong_files_stop_the_start(self) -> None:
        folder = self.folder(
            good={"namespace": "n"},
            bad={"namespace": "m", "properties": {"p": {"type": "text"}}},
        )
        error = self.assertRaises(
            configuration.ConfigurationError, self.filter, metadefs_dir=folder
        )
        for words in ("bad.json", "$.properties.p.type", "metadef_overlay"):
            self.assertIn(words, str(error))
        self.assertNotIn("good.json", str(error))

    def test_files_are_read_at_start_and_on_reload_only(self) -> None:
        def definition(*enum: str) -> dict[str, Any]:
            each = {"title": "t", "type": "string", "enum": list(enum)}
            return {
                "namespace": newton.NAMESPACE,
                "properties": {"vm_mode": each},
            }

        folder = self.folder(one=definition("first"))
        app = self.filter(metadefs_dir=folder)
        file = pathlib.Path(folder, "one.json")

        def last() -> str:
            path = SPACE + "/properties/vm_mode"
            enum: list[str] = self.document(path, app=app)["enum"]
            return enum[-1]

        self.assertEqual("first", last())
        file.write_text(json.dumps(definition("second")))
        self.assertEqual("first", last())
        app._in_force.reload()
        self.assertEqual("second", last())
        file.write_text("{")
        app._in_force.reload()
        self.assertEqual("second", last())
