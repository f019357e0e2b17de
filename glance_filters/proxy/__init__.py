# SPDX-License-Identifier: Apache-2.0

"""The end of a pipeline in front of any Glance: it forwards over HTTP.

Where the filters cannot be loaded into the service itself (a Glance on
Python 2.7, in the container of a vendor, on another host, or another service
with the same API), they run in front of it, and this application forwards
their requests::

    [pipeline:main]
    pipeline = metadef_overlay disk_format_validator location_guard
        range_translator glance

    [app:glance]
    use = egg:glance-filters#proxy
    upstream = http://127.0.0.1:9292

It knows HTTP (RFC 9110 to 9112), and of Glance only by which fields it tells
its calls apart. It holds no data but the piece that passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glance_filters.proxy import settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def app_factory(
    global_conf: dict[str, str], **local_conf: str
) -> WSGIApplication:
    """Make the application for paste.deploy (``paste.app_factory``).

    :param global_conf: the ``[DEFAULT]`` section, which is not used
    :param local_conf: the section of the application
    :raises SettingsError: if the section is wrong, or urllib3 is missing
    """
    return make_app(settings.read(local_conf))


def make_app(config: settings.Settings) -> WSGIApplication:
    """Return the application.

    :raises SettingsError: if it cannot run with these settings
    """
    try:
        from glance_filters.proxy import app
    except ImportError as error:
        raise settings.SettingsError(
            "urllib3 2.2 or newer is needed: install glance-filters[proxy]"
        ) from error
    return app.Proxy(config)
