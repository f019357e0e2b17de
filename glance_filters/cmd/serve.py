# SPDX-License-Identifier: Apache-2.0

"""``glance-filters serve``: all filters in front of a service, on gunicorn."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from glance_filters import proxy
from glance_filters.proxy import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_WRONG = 2

# How many requests a worker handles at a time: a download or an upload of
# hours keeps one of its threads.
_THREADS = 128

# As long as gunicorn allows; and as long as Glance's own server took them, up
# to 2025.1, for the tokens of old releases of Keystone (max_header_line).
_MAX_LINE_BYTES = 8190
_MAX_FIELD_BYTES = 16384


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "serve",
        help="run the filters in front of a Glance, as a proxy",
        description=(
            "Run all filters in front of a Glance (or a service with the "
            "same API), and forward what passes them. Needs the extra "
            "'serve'. Exit status 2: an argument or an option is wrong."
        ),
    )
    parser.add_argument(
        "--upstream", metavar="URL", required=True, help="the service"
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="127.0.0.1:9393",
        help="where to listen; default: %(default)s",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=os.cpu_count() or 1,
        help="number of processes; default: one for each processor",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=int,
        default=_THREADS,
        help="requests that a process handles at a time; default: %(default)s",
    )
    parser.add_argument(
        "--config-file",
        metavar="FILE",
        action="append",
        default=[],
        dest="config_files",
        help=(
            "options of the filters, in the form of glance-api.conf; may be "
            "given more than once"
        ),
    )
    parser.add_argument(
        "--ca-file", metavar="PEM", help="certification authorities to trust"
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="do not verify the certificate of the upstream",
    )
    parser.add_argument(
        "--connect-timeout",
        metavar="SECONDS",
        type=float,
        default=settings.Settings.connect_timeout,
        help="for a connection to the upstream; default: %(default)s",
    )
    parser.add_argument(
        "--read-timeout",
        metavar="SECONDS",
        type=float,
        default=settings.Settings.read_timeout,
        help="for the next data from the upstream; default: %(default)s",
    )
    parser.add_argument(
        "--upstream-host",
        action="store_true",
        help=(
            "send the upstream its own host name in Host, in the place of "
            "that of the client; for an upstream that is found by its name"
        ),
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit status."""
    try:
        server = _server(options)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "gunicorn":
            raise
        sys.stderr.write("gunicorn is needed: install glance-filters[serve]\n")
        return EXIT_WRONG
    except settings.SettingsError as error:
        sys.stderr.write(f"glance-filters serve: {error}\n")
        return EXIT_WRONG
    server.run()
    return 0


def proxy_settings(options: argparse.Namespace) -> settings.Settings:
    """Return the settings that the arguments make.

    :raises SettingsError: if one is wrong
    """
    return settings.Settings(
        upstream=options.upstream,
        pool_size=options.threads,
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        verify=not options.insecure,
        ca_file=options.ca_file,
        preserve_host=not options.upstream_host,
    )


def _server(options: argparse.Namespace) -> Any:
    """Return what serves, not started yet.

    The filters are made here, so that a wrong option is told once, and not by
    each worker.

    :raises ImportError: if gunicorn is not there
    :raises SettingsError: if an argument, or an option of a filter, is wrong
    """
    from gunicorn.app import base

    from glance_filters.filters import configuration, standalone

    if options.workers < 1:
        # gunicorn would listen, and nobody would answer.
        raise settings.SettingsError("workers must be above 0")
    try:
        app = standalone.in_front_of(
            proxy.make_app(proxy_settings(options)), options.config_files
        )
    except configuration.ConfigurationError as error:
        raise settings.SettingsError(str(error)) from error

    class Server(base.BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": options.listen,
                "workers": options.workers,
                "worker_class": "gthread",
                "threads": options.threads,
                "accesslog": "-",
                "limit_request_line": _MAX_LINE_BYTES,
                "limit_request_field_size": _MAX_FIELD_BYTES,
                # It would be one for all servers of the user.
                "control_socket_disable": True,
            }.items():
                # Older releases of gunicorn do not have all.
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> WSGIApplication:
            return app

    return Server()
