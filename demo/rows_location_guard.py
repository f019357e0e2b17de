# SPDX-License-Identifier: Apache-2.0

"""Requests that change locations, for location_guard."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures

from demo import examples
from demo.rows import (
    GlanceSide,
    Row,
    Section,
    Side,
    describe_image,
    describe_status,
)
from glance_filters.tests.fixtures import (
    auth,
    glance_config,
    http_client,
    image_requests,
)

# What only the filter's own refusals say: Glance refuses much itself.
_OWN_WORDS = (b"Statuses in which it is allowed", b"is not an image property")

# Sends a request about the image with the given id.
_DATA = b"of the upload"
# How long the one waits to be asked, and in which steps and how many of them
# the other may be done: a machine that is stopped loses a step.
_ASKED_SECONDS = 60
_STEP_SECONDS = 0.1
_STEPS = 20

_Send = Callable[[http_client.Client, Side, str], http_client.Response]


def _remove(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    return client.patch(image_id, {"op": "remove", "path": "/locations/0"})


def _replace(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    send = image_requests.change_locations(
        "replace", "/locations", side.spare_url()
    )
    return send(client, image_id)


def _add(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    return client.add_location(image_id, side.spare_url())


def _rename_and_remove(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    return client.patch(
        image_id,
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "remove", "path": "/locations/0"},
    )


def _post(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    return client.send_json(
        "POST",
        f"/v2/images/{image_id}/locations",
        {"url": side.spare_url()},
    )


def _delete_from_store(
    client: http_client.Client, side: Side, image_id: str
) -> http_client.Response:
    store = glance_config.WEB_STORE
    return client.request("DELETE", f"/v2/stores/{store}/{image_id}")


def _describe(answer: http_client.Response) -> str:
    """Return who answered what."""
    text = describe_status(answer.status)
    if any(words in answer.body for words in _OWN_WORDS):
        text += ", by the guard"
    return text


_TEXTS: dict[_Send, str] = {
    _remove: "PATCH remove /locations/0",
    _replace: "PATCH replace /locations",
    _add: "PATCH add /locations/-",
    _rename_and_remove: "PATCH replace /name, remove /locations/0",
    _post: "POST /v2/images/ID/locations",
    _delete_from_store: "DELETE /v2/stores/STORE/ID",
}


def _row(
    send: _Send,
    status: str,
    locations: int,
    filtered: int,
    after: tuple[str, int] | None = None,
    token: str = auth.ADMIN,
) -> Row:
    """Return a row about a request for an image of its own.

    :param send: sends the request
    :param status: the image's status before it
    :param locations: the image's number of locations before it
    :param filtered: the status code with the filters
    :param after: the image's state then; None for the state before it
    :param token: who asks
    """

    def observe(side: Side) -> str:
        image_id = side.add_image(status, locations)
        answer = send(side.client(token), side, image_id)
        state = describe_image(*side.image(image_id))
        return f"{_describe(answer)}\n{state}"

    before = describe_image(status, locations)
    who = " (as a member)" if token == auth.MEMBER else ""
    state = describe_image(*(after or (status, locations)))
    by = "" if filtered < 300 else ", by the guard"
    return Row(
        asked=f"{_TEXTS[send]}{who}\n{before}",
        observe=observe,
        filtered=f"{describe_status(filtered)}{by}\n{state}",
    )


def _patch_of_another_image(side: Side) -> str:
    """Send a patch about one image that names another."""
    image_id = side.add_image("queued", 0)
    other_id = side.add_image("deactivated", 1)
    answer = side.client(auth.MEMBER).patch(
        image_id, {"op": "replace", "path": "/image_id", "value": other_id}
    )
    status, _ = side.image(other_id)
    return f"{_describe(answer)}\nthe other: {status}"


_CALLS_REFUSED = (
    _row(_remove, "importing", 2, 409),
    _row(_remove, "importing", 2, 409, token=auth.MEMBER),
    _row(_replace, "saving", 1, 409),
    _row(_add, "deactivated", 1, 409),
    _row(_rename_and_remove, "saving", 2, 409),
    _row(_post, "importing", 1, 409),
    _row(_delete_from_store, "deactivated", 2, 409),
    _row(_delete_from_store, "queued", 2, 409),
)

_CALLS_ALLOWED = (
    _row(_remove, "active", 2, 200, ("active", 1)),
    _row(_add, "queued", 0, 200, ("active", 1)),
)


def _upload(image_id: str) -> examples.Request:
    return examples.Request(
        "PUT",
        f"/v2/images/{image_id}/file",
        {"Content-Type": "application/octet-stream", "Accept": "text/plain"},
        _DATA,
        "(the data)",
    )


def _race(side: GlanceSide) -> tuple[int, examples.Observation]:
    """Upload while a patch waits for the URL of a new location.

    :returns: the status of the patch, and the upload, with a remark whether
        data is lost of which its answer promises that it is stored
    """
    image_id = side.add_image("queued", 0)
    client = side.client(auth.ADMIN)
    request = _upload(image_id)
    with futures.ThreadPoolExecutor() as pool:
        with side.hold_spare_location() as hold:
            patch = pool.submit(_replace, client, side, image_id)
            hold.asked.wait(_ASKED_SECONDS)
            upload = pool.submit(request.send, client)
            # Glance alone is done by then; the guard makes the upload wait.
            for _ in range(_STEPS):
                if futures.wait([upload], _STEP_SECONDS).done:
                    break
    kept = client.download(image_id).body == _DATA
    answer = upload.result()
    lost = answer.status < 300 and not kept
    remark = "the upload is lost" if lost else "no data is lost"
    return patch.result().status, examples.Observation(
        request, answer, image_id, remark
    )


def _describe_race(side: Side) -> str:
    assert isinstance(side, GlanceSide)
    patch, upload = _race(side)
    return (
        f"PATCH {describe_status(patch)}\n"
        f"PUT {describe_status(upload.answer.status)}\n{upload.remark}"
    )


_RACE = Row(
    asked="PATCH replace /locations of a queued image; PUT file meanwhile",
    observe=_describe_race,
    filtered="PATCH 200 OK\nPUT 409 Conflict\nno data is lost",
    in_readme=True,
)

_OTHER_IMAGE = Row(
    asked="PATCH replace /image_id by that of a deactivated image",
    observe=_patch_of_another_image,
    filtered=f"{describe_status(403)}, by the guard\nthe other: deactivated",
    in_readme=True,
)

_LEGACY = (
    _row(_remove, "importing", 2, 409),
    _row(_remove, "saving", 2, 409),
    _row(_remove, "killed", 2, 409),
    _row(_replace, "deactivated", 2, 409),
    _row(_add, "saving", 1, 409),
    _row(_remove, "active", 2, 200, ("active", 1)),
)


EXAMPLE = examples.Example(
    "An upload to a queued image, while a PATCH that replaces the locations "
    "of the image waits for the URL of a new location",
    lambda side: _race(side)[1],
)

SECTION = Section(
    title=(
        "location_guard: a request about an image, and what the image is then"
    ),
    rows=(*_CALLS_REFUSED, _RACE, _OTHER_IMAGE, *_CALLS_ALLOWED),
    legacy_rows=_LEGACY,
)
