# SPDX-License-Identifier: Apache-2.0

"""Leave Glance with the filters running, for a user to try."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from types import FrameType

from glance_filters.tests.fixtures import auth, real_glance


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def serve(filters: Sequence[str], port: int) -> None:
    """Run until a signal asks to stop.

    :param filters: the filters in the pipeline, outermost first
    :param port: the port to listen at; 0 for a free one
    """
    signal.signal(signal.SIGTERM, _stop)
    print(f"Starting Glance with {', '.join(filters)} ...", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        with real_glance.GlanceServer(
            filters, port=port, is_validated=False
        ) as glance:
            print(_instructions(glance), flush=True)
            while True:
                signal.pause()
    print("\nStopped.")


def _instructions(glance: real_glance.GlanceServer) -> str:
    image_id = glance.client().create_image(b"data of a sample image")
    glance.folder.set_status(image_id, "importing")
    token = f"-H '{auth.HEADER}: {auth.ADMIN}'"
    images = f"{glance.url}/v2/images"
    patch = '[{"op": "remove", "path": "/locations/0"}]'
    return f"""
URL    {glance.url}
token  {auth.ADMIN}

The image is one that is being imported. Show it; try to remove its location,
which is refused with 409; create another image:

curl {token} {images}/{image_id}

curl -i -X PATCH {token} -H 'Content-Type: \
application/openstack-images-v2.1-json-patch' -d '{patch}' {images}/{image_id}

curl {token} -H 'Content-Type: application/json' -d \
'{{"name": "mine", "disk_format": "raw", "container_format": "bare"}}' {images}

Ctrl-C stops it."""
