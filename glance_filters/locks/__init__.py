# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""One lock per image, across threads, processes and hosts.

:class:`ImageLocks` is made once from a URL and hands out :class:`Held` locks.
"""

from glance_filters.locks.errors import (
    LockError,
    LockTimeout,
    LockUnavailable,
)
from glance_filters.locks.image_locks import Held, ImageLocks
from glance_filters.locks.names import lock_name

__all__ = [
    "Held",
    "ImageLocks",
    "LockError",
    "LockTimeout",
    "LockUnavailable",
    "lock_name",
]
