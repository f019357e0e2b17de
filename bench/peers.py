# SPDX-License-Identifier: Apache-2.0

"""Filters that an operator knows, to compare with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import oslo_middleware
from keystoneauth1 import fixture
from keystonemiddleware import auth_token
from oslo_middleware import cors

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Where auth_token finds the cache in a request's environ.
CACHE_KEY = "bench.cache"


class TokenCache:
    """A cache that has a token already, as a memcached without a network."""

    def __init__(self) -> None:
        token = fixture.V3Token(user_id="alice", project_id="wonderland")
        token.add_role(name="member")
        self._document = json.dumps(token)

    def get(self, key: str) -> str:
        """Return what keystone told about the token."""
        return self._document


def peers(app: WSGIApplication) -> dict[str, Any]:
    """Return each peer in front of *app*, by name."""
    return {
        "oslo.middleware RequestId": oslo_middleware.RequestId.factory({})(
            app
        ),
        "oslo.middleware HTTPProxyToWSGI": (
            oslo_middleware.HTTPProxyToWSGI.factory({})(app)
        ),
        "oslo.middleware RequestBodySizeLimiter": (
            oslo_middleware.RequestBodySizeLimiter.factory({})(app)
        ),
        "oslo.middleware CORS": cors.filter_factory(
            {}, allowed_origin="https://horizon.example.com"
        )(app),
        "keystonemiddleware auth_token, token cached": (
            auth_token.filter_factory(
                {},
                cache=CACHE_KEY,
                include_service_catalog="false",
                www_authenticate_uri="http://127.0.0.1/identity",
            )(app)
        ),
    }
