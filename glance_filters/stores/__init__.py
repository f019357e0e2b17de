# SPDX-License-Identifier: Apache-2.0

"""Drivers of glance_store that read from any position of an image.

Of glance_store's own drivers only ``file`` and ``cinder`` do. A store of
another type refuses a part of an image, and the whole is read in its place.
The drivers here inherit everything from glance_store's but how a part is
read. :func:`install` puts them behind the stores of a running Glance,
:func:`survey` tells what it would do, and :class:`Shared` is what several
parts of one download open once.
"""

from glance_filters.stores.installation import (
    ENTRY_POINTS,
    Access,
    StoreAccess,
    install,
)
from glance_filters.stores.sharing import Shared
from glance_filters.stores.survey import survey

TYPES = tuple(ENTRY_POINTS)

__all__ = ["TYPES", "Access", "Shared", "StoreAccess", "install", "survey"]
