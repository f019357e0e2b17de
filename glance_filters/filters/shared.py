# SPDX-License-Identifier: Apache-2.0

"""The options that all filters share: the group ``[glance_filters]``."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "glance_filters"

# The longest time that an option may name: the timers of the system end
# somewhere beyond.
MAX_SECONDS = 1e6

OPTS: tuple[cfg.Opt, ...] = (
    cfg.StrOpt(
        "stats_host",
        default="",
        mutable=True,
        help=(
            "The StatsD server to which the filters count their requests and "
            "refusals. Nothing is counted if it is empty. Needs the extra "
            "'stats' (statsd, which oslo.middleware installs too)."
        ),
    ),
    cfg.PortOpt(
        "stats_port",
        default=8125,
        mutable=True,
        help="The port of the StatsD server.",
    ),
    cfg.FloatOpt(
        "drain_timeout",
        default=600.0,
        min=0.0,
        max=MAX_SECONDS,
        mutable=True,
        help=(
            "How long a filter reads on, in seconds, when it has refused a "
            "request whose body is still being sent. The data is dropped. "
            "Servers and proxies reset a connection with unread data, and the "
            "client then does not see why the request was refused. 0: the "
            "rest is not read, and the thread is free at once."
        ),
    ),
    cfg.FloatOpt(
        "config_check_interval",
        default=10.0,
        min=0.0,
        max=MAX_SECONDS,
        help=(
            "How soon a filter follows a change of the configuration files, "
            "in seconds. It checks them when it handles a request, at most "
            "once in that time, and takes the new values of its options if "
            "all of them are valid; otherwise it logs an error and keeps the "
            "old ones. 0: it never checks. A change needs a restart."
        ),
    ),
)
