# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters.filters import configuration
from glance_filters.filters.disk_format_validator import (
    DiskFormatValidator,
    options,
)
from glance_filters.filters.disk_format_validator import inspection as upload
from glance_filters.tests.fixtures import disk_files
from glance_filters.tests.fixtures.judged_images import NOISE

try:
    from glance.common import exception
    from taskflow.types import failure

    from glance_filters.imports import inspection
except ImportError:
    raise unittest.SkipTest("Glance is not installed") from None

GROUP = DiskFormatValidator.name
QCOW2 = disk_files.qcow2()
BACKED = disk_files.qcow2(backing_file=512)
MISMATCH = "The uploaded data is qcow2, but the disk_format of the image is"
UNSAFE = "The uploaded data is qcow2 and is not safe: it has a backing file."
# Releases of Glance.
XENA, ZED = 23, 25
NEEDS_INSPECTORS = unittest.skipIf(
    not upload.is_available(), "the extra inspect is not installed"
)


class PluginCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "staged")
        configuration.Configuration(GROUP, options.OPTS, {})

    def configure(self, **values: Any) -> None:
        for name, value in values.items():
            cfg.CONF.set_override(name, value, group=GROUP)
            self.addCleanup(cfg.CONF.clear_override, name, group=GROUP)

    def task(
        self,
        disk_format: str = "raw",
        container_format: str = "bare",
        method: str = "web-download",
        **more: Any,
    ) -> inspection.InspectImage:
        image = mock.Mock(
            image_id="a",
            disk_format=disk_format,
            container_format=container_format,
        )
        self.repo = mock.Mock()
        self.repo.get.return_value = image
        self.wrapper = mock.MagicMock()
        self.action = self.wrapper.__enter__.return_value
        self.tasks = mock.Mock()
        flow = inspection.get_flow(
            task_id="t",
            task_type="api_image_import",
            task_repo=self.tasks,
            image_repo=self.repo,
            image_id="a",
            action_wrapper=self.wrapper,
            import_req={"method": {"name": method}},
            **{"backend": ["fast"], **more},
        )
        [(task, _)] = list(flow.iter_nodes())
        assert isinstance(task, inspection.InspectImage)
        # By this name the task is told in Glance's log.
        name = "api_image_import-GlanceFiltersInspect-t"
        self.assertEqual(name, task.name)
        return task

    def judge(self, data: bytes, *formats: str) -> str:
        """Return why an import is refused, empty if it is not."""
        self.path.write_bytes(data)
        try:
            self.task(*formats).execute(f"file://{self.path}")
        except exception.UploadException as refused:
            return str(refused)
        return ""


class JudgementTest(PluginCase):
    @NEEDS_INSPECTORS
    def test_modes(self) -> None:
        for values, disk_format, data, reason in (
            ({"inspect": "enforce"}, "raw", QCOW2, MISMATCH),
            ({"inspect": "enforce"}, "raw", BACKED, UNSAFE),
            ({"inspect": "enforce"}, "qcow2", QCOW2, ""),
            ({"inspect": "enforce"}, "raw", NOISE, ""),
            ({"inspect": "enforce"}, "vhd", NOISE, "The uploaded data is raw"),
            ({"inspect": "warn"}, "raw", BACKED, UNSAFE),
            ({"inspect": "auto"}, "raw", BACKED, UNSAFE),
            ({"inspect": "off"}, "raw", BACKED, ""),
            ({"enabled": False}, "raw", BACKED, ""),
            (
                {"inspect": "off", "disk_formats": ["qcow2"]},
                "raw",
                NOISE,
                "Disk format raw is not allowed.",
            ),
        ):
            self.configure(**{"inspect": "enforce", "enabled": True, **values})
            with self.subTest(values, declared=disk_format):
                found = self.judge(data, disk_format)
                self.assertEqual(bool(reason), bool(found))
                self.assertIn(reason, found)

    @NEEDS_INSPECTORS
    def test_containers(self) -> None:
        self.configure(inspect="enforce")
        for container, data, reason in (
            ("ami", QCOW2, MISMATCH),
            ("ova", QCOW2, ""),
            ("ova", BACKED, UNSAFE),
        ):
            self.assertIn(reason, self.judge(data, "ami", container))

    @NEEDS_INSPECTORS
    def test_data_that_is_still_being_staged(self) -> None:
        self.path.write_bytes(NOISE)
        for size, method, tells, inspect, refused in (
            (None, "glance-direct", True, "warn", True),
            (None, "glance-direct", True, "enforce", True),
            (None, "glance-direct", True, "off", False),
            (0, "glance-direct", True, "warn", False),
            (None, "web-download", True, "warn", False),
            (None, "copy-image", True, "warn", False),
            (None, "glance-direct", False, "warn", False),
        ):
            self.configure(inspect=inspect)
            task = self.task(method=method)
            self.repo.get.return_value.size = size
            with self.subTest(size=size, method=method, inspect=inspect):
                with mock.patch.object(inspection, "_TELLS_SIZE", tells):
                    try:
                        task.execute(f"file://{self.path}")
                    except exception.UploadException as error:
                        self.assertTrue(refused)
                        self.assertIn("still being staged", str(error))
                    else:
                        self.assertFalse(refused)

    @NEEDS_INSPECTORS
    def test_formats_that_change_meanwhile(self) -> None:
        """Glance lets a client change them while it imports the image."""
        self.configure(inspect="enforce")
        self.path.write_bytes(QCOW2)
        for change, refused in (
            ({"disk_format": "raw"}, True),
            ({"disk_format": "iso"}, True),
            ({"container_format": "ova"}, True),
            ({"name": "other"}, False),
        ):
            task = self.task("qcow2")
            image = self.repo.get.return_value
            formats = {"disk_format": "qcow2", "container_format": "bare"}
            self.repo.get.side_effect = [
                image,
                mock.Mock(**{**formats, **change}),
            ]
            with self.subTest(change):
                try:
                    task.execute(f"file://{self.path}")
                except exception.UploadException as error:
                    self.assertTrue(refused)
                    self.assertIn("format of image a changed", str(error))
                else:
                    self.assertFalse(refused)

    @NEEDS_INSPECTORS
    def test_warning(self) -> None:
        self.configure(inspect="warn")
        with self.assertLogs("glance_filters", "WARNING") as logs:
            self.assertEqual("", self.judge(QCOW2, "raw"))
        [line] = logs.output
        self.assertIn("image a, disk_format raw, detected qcow2", line)

    def test_a_refusal_is_logged(self) -> None:
        self.configure(disk_formats=["qcow2"])
        with self.assertLogs("glance_filters", "INFO") as logs:
            self.assertTrue(self.judge(NOISE, "raw"))
        self.assertRegex(
            logs.output[-1],
            r"refused the import of image a: 'Disk format raw .*: qcow2\.'\Z",
        )

    def test_without_inspectors(self) -> None:
        """What cannot be judged, but is to be, does not pass."""
        with mock.patch.object(upload, "is_available", return_value=False):
            self.configure(inspect="auto")
            self.assertEqual("", self.judge(BACKED, "qcow2"))
            self.configure(inspect="warn")
            with self.assertLogs("glance_filters", "ERROR") as logs:
                found = self.judge(NOISE, "raw")
        self.assertIn("The data cannot be inspected", found)
        self.assertIn("glance-filters[inspect]", logs.output[-1])

    def test_wrong_options(self) -> None:
        failing = mock.patch.object(
            configuration.Configuration,
            "read",
            side_effect=configuration.ConfigurationError("wrong"),
        )
        with failing, self.assertLogs("glance_filters", "ERROR"):
            self.assertIn("cannot be inspected", self.judge(NOISE, "raw"))

    @NEEDS_INSPECTORS
    def test_follows_the_files(self) -> None:
        """As the filter does; wrong values change nothing."""
        path = self.path.with_name("service.conf")
        conf = cfg.ConfigOpts()
        path.write_text("[disk_format_validator]\ninspect = off\n")
        conf([], default_config_files=[str(path)], default_config_dirs=[])
        with mock.patch.object(cfg, "CONF", conf):
            self.assertEqual("", self.judge(BACKED, "raw"))
            for text, reason in (
                ("inspect = enforce", UNSAFE),
                ("inspect = melted", ""),
                ("inspect = warn", UNSAFE),
            ):
                path.write_text(f"[disk_format_validator]\n{text}\n")
                self.assertIn(reason, self.judge(BACKED, "raw"))
                if not reason:
                    self.assertEqual("", self.judge(BACKED, "raw"))
            path.write_text(
                "[disk_format_validator]\ninspect = enforce\n"
                "[glance_filters]\nconfig_check_interval = 0\n"
            )
            conf.reload_config_files()
            path.write_text("[disk_format_validator]\ninspect = off\n")
            self.assertIn(UNSAFE, self.judge(BACKED, "raw"))


class RevertTest(PluginCase):
    backends: Mapping[str, str] = {"fast": "file"}

    def revert(self, method: str, takes_back: bool = True) -> None:
        self.path.write_bytes(NOISE)
        self.configure(disk_formats=["qcow2"])
        task = self.task("raw", method=method)
        url = f"file://{self.path}"
        with self.assertRaises(exception.UploadException):
            task.execute(url)
        result = failure.Failure.from_exception(
            exception.UploadException("no")
        )
        conf = mock.Mock(enabled_backends=self.backends)
        with (
            mock.patch.object(inspection, "_DOWNLOADS_TAKE_BACK", takes_back),
            mock.patch.object(cfg, "CONF", conf),
        ):
            task.revert(result=result)
            # Somebody else was faster.
            task.revert(result=result)

    def test_who_deletes_what_was_fetched(self) -> None:
        for backends, stores, is_glance in (
            ({"a": "file"}, [], True),
            ({"a": "rbd", "b": "file"}, [], True),
            ({"a": "rbd", "file": "http"}, ["file"], False),
            ({}, ["file", "http"], True),
            (None, ["filesystem"], True),
            ({}, ["rbd"], False),
        ):
            conf = mock.Mock(enabled_backends=backends)
            conf.glance_store.stores = stores
            with mock.patch.object(cfg, "CONF", conf):
                self.assertEqual(
                    is_glance, inspection._deletes_what_it_fetched()
                )

    def test_downloaded_for_a_store_of_another_kind(self) -> None:
        self.backends = {"fast": "rbd"}
        self.revert("web-download")
        self.assertFalse(self.path.exists())

    def check_taken_back(self) -> None:
        self.action.set_image_attribute.assert_called_with(status="queued")
        self.action.remove_importing_stores.assert_called_with(["fast"])
        self.action.add_failed_stores.assert_called_with(["fast"])

    def test_staged(self) -> None:
        for takes_back in (True, False):
            self.revert("glance-direct", takes_back)
            self.check_taken_back()
            self.assertFalse(self.path.exists())
            self.tasks.get.assert_not_called()

    def test_what_glance_does_by_itself(self) -> None:
        """Its release tells, as its release notes have it."""
        release = int(metadata.version("glance").partition(".")[0])
        self.assertIs(release >= XENA, inspection._TELLS_SIZE)
        self.assertIs(release >= ZED, inspection._DOWNLOADS_TAKE_BACK)

    def test_downloaded(self) -> None:
        """The task that has fetched the data deletes it."""
        for method in ("web-download", "copy-image"):
            self.revert(method, takes_back=True)
            self.wrapper.__enter__.assert_not_called()
            self.assertTrue(self.path.exists())
        self.revert("web-download", takes_back=False)
        self.check_taken_back()
        self.assertTrue(self.path.exists())
        self.tasks.get.assert_not_called()

    def test_from_glance(self) -> None:
        self.revert("glance-download")
        self.wrapper.__enter__.assert_not_called()
        self.tasks.get.assert_called_with("t")
        task = self.tasks.get.return_value
        task.fail.assert_called_with("no")
        self.tasks.save.assert_called_with(task)

    def test_failure_of_another(self) -> None:
        self.path.write_bytes(NOISE)
        task = self.task("raw", method="glance-direct", backend=None)
        task.revert(result=None)
        self.wrapper.__enter__.assert_not_called()
        self.assertTrue(self.path.exists())

    def test_before_it_ran(self) -> None:
        task = self.task("raw", method="glance-direct")
        task.revert(result=failure.Failure.from_exception(OSError()))
        self.check_taken_back()
