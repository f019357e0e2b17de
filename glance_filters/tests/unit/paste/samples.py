# SPDX-License-Identifier: Apache-2.0

"""Paste files in both layouts, as the tests of this room use them."""

from __future__ import annotations

# A section per flavor, as until Glance 2023.1.
OLD = """\
# The default
[pipeline:glance-api]
pipeline = cors versionnegotiation unauthenticated-context  rootapp

# With a cache
[pipeline:glance-api-keystone+caching]
pipeline =
    cors authtoken
    # who asks
    context
    cache cachemanage rootapp

[composite:rootapp]
paste.composite_factory = glance.api:root_app_factory
/v2: apiv2app

# A filter
# of Glance
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory

[filter:unauthenticated-context]
paste.filter_factory = glance.api.middleware.context:NoContext.factory

[filter:cache]
paste.filter_factory = glance.api.middleware.cache:CacheFilter.factory
[filter:cachemanage]
paste.filter_factory = glance.api.middleware.cache_manage:Manage.factory
"""

# A key per flavor, as since 2023.2.
NEW = OLD.replace(
    "[pipeline:glance-api]\npipeline",
    "[composite:api]\n"
    "paste.composite_factory = glance.api:pipeline_factory\n"
    "default",
).replace(
    "[pipeline:glance-api-keystone+caching]\npipeline", "keystone+caching"
)

# One pipeline, and no more than it needs.
SMALL = """\
[pipeline:glance-api]
pipeline = context cache app
[composite:app]
paste.composite_factory = glance.api:root_app_factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:cache]
paste.filter_factory = glance.api.middleware.cache:CacheFilter.factory
"""

TWO_FLAVORS = SMALL.replace(
    "[composite:app]",
    "[pipeline:glance-api-a]\npipeline = context cache app\n[composite:app]",
)
