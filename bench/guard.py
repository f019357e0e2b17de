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

"""What location_guard adds to the requests that it locks and checks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import fixtures

from bench import measure
from glance_filters.tests.fixtures import (
    auth,
    http_client,
    http_data,
    lock_servers,
    real_glance,
)

_DATA = b"x" * 10_000

# Prepares an image, and returns what is timed.
_Prepare = Callable[[http_client.Client], Callable[[], object]]


def measure_each(
    glance: real_glance.RealGlance,
    web: http_data.HttpDataServer,
    url: str,
    name: str,
    rounds: int,
) -> Iterator[measure.Result]:
    """Measure each request with the guard and locks at *url*."""
    plain = glance.client(token=auth.ADMIN)
    app = glance.app(
        ("location_guard",), {"location_guard": {"coordination_url": url}}
    )
    guarded = glance.client(app, auth.ADMIN)

    def add_location(client: http_client.Client) -> Callable[[], object]:
        image_id = plain.create_image()
        value = {"url": web.url("/data"), "metadata": {}}
        change = {"op": "add", "path": "/locations/-", "value": value}
        return lambda: client.patch(image_id, change)

    for request, prepare in (
        ("PATCH of the name", _rename(plain)),
        ("PATCH of the locations", add_location),
        ("PUT of 10 kB of data", _upload(plain)),
    ):
        yield measure.compare(
            f"{request}, {name}",
            _side(prepare, plain),
            _side(prepare, guarded),
            rounds,
        )


def measure_all(rounds: int) -> Iterator[measure.Result]:
    """Yield the results with each kind of lock."""
    with contextlib.ExitStack() as stack:
        glance = stack.enter_context(real_glance.RealGlance())
        web = http_data.HttpDataServer({"/data": b"data"})
        stack.enter_context(web)
        folder = stack.enter_context(fixtures.TempDir()).path
        redis = stack.enter_context(lock_servers.RedisServer())
        etcd = stack.enter_context(lock_servers.EtcdServer())
        for name, url in (
            ("no locks between processes", ""),
            ("files", f"file://{folder}/locks"),
            ("Redis", redis.url()),
            ("etcd", etcd.url()),
        ):
            yield from measure_each(glance, web, url, name, rounds)


def _side(
    prepare: _Prepare, client: http_client.Client
) -> Callable[[], Callable[[], object]]:
    return lambda: prepare(client)


def _rename(plain: http_client.Client) -> _Prepare:
    image_id = plain.create_image()
    change = {"op": "replace", "path": "/name", "value": "new"}
    return lambda client: lambda: client.patch(image_id, change)


def _upload(plain: http_client.Client) -> _Prepare:
    def prepare(client: http_client.Client) -> Callable[[], object]:
        image_id = plain.create_image()
        return lambda: client.upload(image_id, _DATA)

    return prepare
