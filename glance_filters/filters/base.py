# SPDX-License-Identifier: Apache-2.0

"""What all filters share: the way past them, and their settings.

A filter is loaded by paste.deploy, reads its options once, and then decides
for each request, from the method and the path alone, whether the request is
one of its own. All others go to the application behind it untouched, and
nothing else is done for them.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from oslo_config import cfg
from oslo_log import log as logging

from glance_filters import answers, errors
from glance_filters.filters import configuration, counters
from glance_filters.glance_api import api_calls

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)


def enabled_opt(what: str) -> cfg.Opt:
    """Return the option that each filter has.

    :param what: what the filter does, for the option's help
    """
    return cfg.BoolOpt(
        "enabled",
        default=True,
        mutable=True,
        help=(
            f"Whether the filter {what}. If not, every request passes it "
            "untouched."
        ),
    )


class Settings(Protocol):
    """A frozen dataclass whose fields are a filter's options."""

    @property
    def enabled(self) -> bool:
        """Whether the filter does anything."""


SettingsT = TypeVar("SettingsT", bound=Settings)


class Filter(abc.ABC, Generic[SettingsT]):
    """A paste.deploy filter for some calls of the Images API.

    :cvar name: the entry point, and the group of the options
    :cvar opts: the options; those of :mod:`counters` are not for the settings
    :cvar calls: the API calls that the filter is about
    :cvar settings_class: takes the options' values by name; raises
        ``ValueError`` if they contradict each other

    :param app: the application behind the filter
    :param config: where the options' values come from
    :raises ConfigurationError: if the configuration is wrong
    """

    name: ClassVar[str]
    opts: ClassVar[Sequence[cfg.Opt]]
    calls: ClassVar[Sequence[api_calls.ApiCall]]
    settings_class: ClassVar[Callable[..., Any]]

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        self._app = app
        self._config = config
        self._matcher = api_calls.CallMatcher(self.calls)
        self._marks = self._matcher.marks
        self._settings: SettingsT = self._read_settings()
        config.on_change(self.reload)

    @classmethod
    def factory(
        cls, global_conf: dict[str, str], **local_conf: str
    ) -> Callable[[WSGIApplication], Filter[SettingsT]]:
        """Make the filter for paste.deploy (``paste.filter_factory``).

        :param global_conf: the ``[DEFAULT]`` section, which is not used
        :param local_conf: the filter's own section
        :raises ConfigurationError: if the section is wrong
        """
        config = configuration.Configuration(cls.name, cls.opts, local_conf)
        return lambda app: cls(app, config)

    def _read_settings(self) -> SettingsT:
        values = self._config.values()
        host, port = (
            values.pop(opt.dest, opt.default) for opt in counters.OPTS
        )
        try:
            settings: SettingsT = self.settings_class(**values)
            self._counters = counters.make(self.name, host, port)
        except ValueError as error:
            raise configuration.ConfigurationError(
                f"[{self.name}] {error}"
            ) from error
        return settings

    def reload(self) -> None:
        """Read the options again; keep the old ones if they are wrong."""
        try:
            self._settings = self._read_settings()
        except configuration.ConfigurationError as error:
            LOG.error("Keeping the former settings: %s", error)

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand the request on, by way of :meth:`handle` if it is ours."""
        # Written out, without a call: most requests are none of ours, and
        # this is all that they cost.
        method = environ["REQUEST_METHOD"]
        if method in self._marks:
            path = environ.get("PATH_INFO", "")
            for mark in self._marks[method]:
                if mark in path:
                    return self._answer(environ, start_response)
        if "_method" in environ.get("QUERY_STRING", ""):
            return self._answer(environ, start_response)
        return self._app(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request that may be ours."""
        match = self._matcher.match(environ)
        settings = self._settings
        if match is None or not settings.enabled:
            return self._app(environ, start_response)
        self._counters.incr(f"{match.call.action}.requests")
        try:
            app = self.handle(match, environ, settings)
        except errors.FilterError as error:
            self.note_refusal(match, error)
            app = answers.answer(error)
        return app(environ, start_response)

    def note_refusal(
        self, match: api_calls.Match, error: errors.FilterError
    ) -> None:
        """Count a refusal, and write the line by which an operator knows it.

        oslo.log adds the request's id, the user and the project. What the
        client has sent is escaped, so that it cannot write lines of its own.

        :param match: what was asked
        :param error: why it was refused
        """
        action = match.call.action
        code = answers.answer(error).code
        self._counters.incr(f"{action}.refused.{code}")
        LOG.info(
            "%s refused %s %.255r: %.1024r",
            self.name,
            action,
            match.path,
            str(error),
        )

    @abc.abstractmethod
    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: SettingsT,
    ) -> WSGIApplication:
        """Return the application that is to answer a request of ours.

        :param match: what the request is
        :param environ: the request's environ
        :param settings: the filter's settings for this request
        :raises FilterError: to refuse the request
        """
