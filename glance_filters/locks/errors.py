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

"""Why a lock was not got."""


class LockError(Exception):
    """A lock was not got."""


class LockTimeout(LockError):
    """Another one held the lock for all of the time there was to wait."""


class LockUnavailable(LockError):
    """Nobody can tell who holds the lock.

    The lock server gives no answer, or the folder of lock files cannot be
    used.
    """
