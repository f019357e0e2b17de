# SPDX-License-Identifier: Apache-2.0

"""The import plugin ``glance_filters_inspect``: imports judged as uploads are.

Glance runs its import plugins on the data in its staging area, before any of
it goes to a store, whether a client has staged the data (``glance-direct``) or
Glance has fetched it (``web-download``, ``glance-download``)::

    [image_import_opts]
    image_import_plugins = [image_decompression,
        glance_filters_inspect,image_conversion]

The options are those of the filter ``disk_format_validator`` in
glance-api.conf; what its section in the paste file overrides is not seen here.

Glance goes on without a plugin that cannot be loaded or started, so nothing
here may fail before the task runs.
"""

from __future__ import annotations

import contextlib
from importlib import util
from pathlib import Path
from typing import Any

from glance.common import exception
from oslo_config import cfg
from oslo_log import log as logging
from taskflow import task
from taskflow.patterns import linear_flow
from taskflow.types import failure

from glance_filters import errors
from glance_filters.filters import configuration, counters, shared
from glance_filters.filters.disk_format_validator import DiskFormatValidator
from glance_filters.filters.disk_format_validator.options import (
    DiskFormatValidatorSettings,
)

try:
    from glance_filters.disk_formats import detection
except ImportError:  # oslo.utils without format inspectors
    detection = None  # type: ignore[assignment]

LOG = logging.getLogger(__name__)

_SCHEME = "file://"
# How much is read at a time, in bytes.
_PIECE = 256 * 1024

# The import method whose data a client has staged. That of the others is
# deleted by Glance's task that has fetched it.
_STAGED = "glance-direct"

# From Xena on, an image has a size once all of its data is staged: a quota
# counts that.
_TELLS_SIZE = util.find_spec("glance.quota.keystone") is not None

# Glance cannot take this one back: it fails at that, with another message, and
# keeps the import's lock for an hour.
_FROM_GLANCE = "glance-download"

# From Zed on, that task also takes the image back, whatever failed, and cannot
# do so a second time.
_DOWNLOADS_TAKE_BACK = (
    util.find_spec("glance.async_.flows._internal_plugins.base_download")
    is not None
)


class InspectImage(task.Task):  # type: ignore[misc]
    """Refuses an import whose data is unsafe, or not as declared.

    :param glance: what Glance passes to each plugin, by name
    """

    def __init__(self, glance: dict[str, Any]) -> None:
        self._task_id = glance["task_id"]
        self._task_repo = glance["task_repo"]
        self._image_repo = glance["image_repo"]
        self._image_id = glance["image_id"]
        self._action_wrapper = glance["action_wrapper"]
        self._stores = glance.get("backend") or []
        self._method = glance["import_req"]["method"]["name"]
        self._path: Path | None = None
        super().__init__(
            name=f"{glance['task_type']}-GlanceFiltersInspect-{self._task_id}"
        )

    def execute(self, file_path: str, **kwargs: Any) -> None:
        """Judge the data.

        :param file_path: the URL of the file with the data
        :raises UploadException: to end the import; Glance shows its text as
            the message of the task
        """
        self._path = Path(file_path[len(_SCHEME) :])
        image = self._image_repo.get(self._image_id)
        try:
            settings = _read_settings()
            if settings.enabled:
                if settings.inspect != "off":
                    self._check_staged(image)
                _judge(self._path, image, settings)
                again = self._image_repo.get(self._image_id)
                if _formats(again) != _formats(image):
                    raise errors.FormatsChanged(self._image_id)
        except errors.FilterError as error:
            LOG.info(
                "glance_filters_inspect refused the import of image %s: "
                "%.1024r",
                self._image_id,
                str(error),
            )
            raise exception.UploadException(str(error)) from error
        except (configuration.ConfigurationError, ValueError) as error:
            LOG.error("glance_filters_inspect cannot inspect: %s", error)
            raise exception.UploadException(
                "The data cannot be inspected. Ask the operator."
            ) from error

    def _check_staged(self, image: Any) -> None:
        """Refuse data of which more is to come, which would be stored too.

        :raises UploadException: to end the import
        """
        if _TELLS_SIZE and self._method == _STAGED and image.size is None:
            raise exception.UploadException(
                "The data is still being staged. Import it after that."
            )

    def revert(self, result: Any, **kwargs: Any) -> None:
        """Leave the image as Glance leaves one whose import failed.

        :param result: what :meth:`execute` ended with
        """
        # Of what fails later, the task that fails takes care.
        if not isinstance(result, failure.Failure):
            return
        if self._method == _FROM_GLANCE:
            self._tell(str(result.exception))
        is_staged = self._method == _STAGED
        is_left = is_staged or not _deletes_what_it_fetched()
        if is_left and self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
        if _DOWNLOADS_TAKE_BACK and not is_staged:
            return
        with self._action_wrapper as action:
            action.set_image_attribute(status="queued")
            action.remove_importing_stores(self._stores)
            action.add_failed_stores(self._stores)

    def _tell(self, message: str) -> None:
        """Say why the import failed, before another failure hides it."""
        glance_task = self._task_repo.get(self._task_id)
        glance_task.fail(message)
        self._task_repo.save(glance_task)


def get_flow(**kwargs: Any) -> linear_flow.Flow:
    """Return the plugin's part of an import (``glance.image_import.plugins``).

    :param kwargs: what Glance passes to each plugin
    """
    return linear_flow.Flow(kwargs["task_type"]).add(InspectImage(kwargs))


def _deletes_what_it_fetched() -> bool:
    """Return True if Glance can delete the data of a failed download.

    It does so by means of a store of files, and the staging area is none to
    it.
    """
    if cfg.CONF.enabled_backends:
        return "file" in cfg.CONF.enabled_backends.values()
    return not {"file", "filesystem"}.isdisjoint(cfg.CONF.glance_store.stores)


def _read_settings() -> DiskFormatValidatorSettings:
    """Return the values of the options of disk_format_validator.

    They are those that the filter has taken from the files by now.

    :raises ConfigurationError: if one is wrong
    :raises ValueError: if data cannot be inspected, but is to be
    """
    name, opts = DiskFormatValidator.name, DiskFormatValidator.opts
    config = configuration.Configuration(name, opts, {})
    read = config.read()
    if read[shared.GROUP]["config_check_interval"]:
        # Wrong ones change nothing, as in the filter.
        with contextlib.suppress(configuration.ConfigurationError):
            read = config.read_files()
    values = counters.without(read[name])
    return DiskFormatValidator.make_settings(values, config)


def _formats(image: Any) -> tuple[Any, Any]:
    """Return what an image is judged by; Glance lets clients change it."""
    return image.disk_format, image.container_format


def _judge(
    path: Path, image: Any, settings: DiskFormatValidatorSettings
) -> None:
    """Judge the data of an image.

    :param path: the file with the data
    :param image: Glance's image
    :raises FilterError: to refuse it
    """
    declared = image.disk_format
    if declared not in settings.disk_formats:
        raise errors.DiskFormatNotAllowed(declared, settings.disk_formats)
    if settings.inspect == "off":
        return
    inspector = detection.ContentInspector(declared, image.container_format)
    try:
        with path.open("rb") as file:
            while not inspector.decided:
                piece = file.read(_PIECE)
                if not piece:
                    break
                inspector.feed(piece)
        inspector.finish()
    except detection.UnsafeContent as unsafe:
        raise errors.UnsafeContent(
            declared, unsafe.detected, unsafe.reason
        ) from unsafe
    if inspector.mismatch is None:
        return
    if settings.inspect == "enforce":
        raise errors.ContentMismatch(declared, inspector.mismatch)
    LOG.warning(
        "Accepted despite format mismatch (inspect = warn): image %s, "
        "disk_format %s, detected %s",
        image.image_id,
        declared,
        inspector.mismatch,
    )
