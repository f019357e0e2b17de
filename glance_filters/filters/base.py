# SPDX-License-Identifier: Apache-2.0

"""Base class of the filters: fast path, settings, reload.

A filter is loaded by paste.deploy, reads its options once, and then decides
for each request, from the method and the path alone, whether the request is
one of its own. All others go to the application behind it untouched, and
nothing else is done for them.
"""

from __future__ import annotations

import abc
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from oslo_config import cfg
from oslo_log import log as logging

from glance_filters import errors
from glance_filters.filters import configuration, findings, in_force
from glance_filters.glance_api import calls, matching
from glance_filters.glance_api.request import Request
from glance_filters.wsgi import response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

# The filters of this process, for those who look after it.
RUNNING: weakref.WeakSet[Filter[Any]] = weakref.WeakSet()

# Under these names middleware keeps the application behind it.
_BEHIND = ("_app", "app", "application", "_application")


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
    :cvar opts: the options; those of ``counters`` are not for the settings
    :cvar api_calls: the API calls that the filter is about

    :param app: the application behind the filter
    :param config: where the options' values come from
    """

    name: ClassVar[str]
    opts: ClassVar[Sequence[cfg.Opt]]
    api_calls: ClassVar[Sequence[calls.ApiCall]]

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        self._app = app
        self._config = config
        self._matcher = matching.CallMatcher(self.api_calls)
        self._fast_path = (self._matcher.marks, self._matcher.paths, app)
        self._seen_key = f"glance_filters.{self.name}"
        self._in_force = in_force.InForce(
            self.name, config, self._make_settings, self.prepare
        )

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

        def make(app: WSGIApplication) -> Filter[SettingsT]:
            made = cls(app, config)
            made.start()
            return made

        return make

    @classmethod
    @abc.abstractmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> SettingsT:
        """Make the settings of the options' values.

        :param values: by option name
        :param config: for options of the service itself
        :raises ValueError: if they contradict each other
        """

    def _make_settings(self, own: Mapping[str, Any]) -> SettingsT:
        return self.make_settings(own, self._config)

    def prepare(self, settings: SettingsT) -> None:
        """Make what *settings* need, before they are in force.

        :raises ValueError: if that is not possible; nothing has changed then
        """

    @classmethod
    def check(
        cls, place: str, config: configuration.Configuration
    ) -> Iterator[findings.Finding]:
        """Yield what an operator should know about a configuration.

        It is one that :meth:`make_settings` accepts, and is enabled.

        :param place: the filter's section of the paste file
        """
        yield from ()

    @abc.abstractmethod
    def handle(
        self, request: Request, settings: SettingsT
    ) -> WSGIApplication | None:
        """Answer a request of ours.

        :param request: the request
        :param settings: the filter's settings for this request
        :returns: the response; None if Glance answers the request
        :raises FilterError: to refuse the request
        """

    def start(self) -> None:
        """Read the options for the first time, and follow their changes.

        :raises ConfigurationError: if the configuration is wrong
        """
        self._in_force.start()
        if any(isinstance(each, type(self)) for each in _behind(self._app)):
            LOG.warning(
                "The filter %s is in the pipeline twice; only the first one "
                "acts. Remove the other one from the paste file.",
                self.name,
            )
        RUNNING.add(self)

    def complaints(self) -> Iterator[str]:
        """Yield what is wrong with the filter now, for a health check."""
        if self._in_force.refused is not None:
            yield f"the former options are in force: {self._in_force.refused}"

    @property
    def _settings(self) -> SettingsT:
        return self._in_force.settings

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand the request on, by way of :meth:`handle` if it is ours."""
        # Written out, without a call or a second attribute: most requests
        # are none of ours, and this is all that they cost.
        marks_of, paths, app = self._fast_path
        try:
            path = environ["PATH_INFO"]
            query = environ["QUERY_STRING"]
            marks = marks_of[environ["REQUEST_METHOD"]]
        except KeyError:
            # A method that is not usual; and PEP 3333 lets a server leave
            # out what is empty.
            return self._answer(environ, start_response)
        for mark in marks:
            if mark in path:
                return self._answer(environ, start_response)
        if (query and "_method" in query) or (paths and path in paths):
            return self._answer(environ, start_response)
        return app(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request that may be ours."""
        if self._seen_key in environ:
            return self._app(environ, start_response)
        current = self._in_force
        if not (current.settings.enabled or current.is_due()):
            return self._app(environ, start_response)
        request = None
        app: WSGIApplication | None
        try:
            match = self._matcher.match(environ)
            if match is None:
                return self._app(environ, start_response)
            if current.is_due():
                current.follow()
            settings = current.settings
            if not settings.enabled:
                return self._app(environ, start_response)
            environ[self._seen_key] = True
            current.counters.incr(f"{match.call.action}.requests")
            request = Request(self._app, environ, match, self.name)
            app = self.handle(request, settings)
            environ = request.environ
        except errors.FilterError as error:
            if request is None and not current.settings.enabled:
                return self._app(environ, start_response)
            if request is not None:
                self.note_refusal(request, error)
                request.drain(current.drain_timeout)
            app = response.from_error(error)
        return (app or self._app)(environ, start_response)

    def note_refusal(
        self, request: Request, error: errors.FilterError
    ) -> None:
        """Count a refusal, and write the line by which an operator knows it.

        oslo.log adds the request's id, the user and the project. What the
        client has sent is escaped, so that it cannot write lines of its own.

        :param request: the request
        :param error: why it was refused
        """
        if not error.is_refusal:
            return
        action = request.call.action
        self._in_force.counters.incr(f"{action}.refused.{int(error.status)}")
        LOG.info(
            "%s refused %s %.255r: %.1024r",
            self.name,
            action,
            request.match.path,
            str(error),
        )


def _behind(app: Any) -> Iterator[Any]:
    """Yield the applications of a pipeline, as far as they can be seen."""
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        yield app
        attributes = getattr(app, "__dict__", {})
        app = next(
            (attributes[name] for name in _BEHIND if name in attributes), None
        )
