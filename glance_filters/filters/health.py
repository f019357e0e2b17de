# SPDX-License-Identifier: Apache-2.0

"""Whether the filters of this process can do their work.

It is a backend of oslo.middleware's health check::

    [app:healthcheck]
    paste.app_factory = oslo_middleware:Healthcheck.app_factory
    backends = disable_by_file, glance_filters
"""

from __future__ import annotations

from oslo_middleware.healthcheck import pluginbase

from glance_filters.filters import base


class HealthCheck(pluginbase.HealthcheckBaseExtension):
    """Asks each filter that is enabled."""

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        """Return whether all of them can work, and else the reasons.

        :param server_port: not used
        """
        complaints = sorted(
            {
                f"{each.name}: {complaint}"
                for each in tuple(base.RUNNING)
                for complaint in each.complaints()
            }
        )
        return pluginbase.HealthcheckResult(
            available=not complaints,
            reason="; ".join(complaints) or "OK",
            details="What the filters of glance-filters need.",
        )
