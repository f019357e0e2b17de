# SPDX-License-Identifier: Apache-2.0

"""The answers that the filters give themselves: one table, error to HTTP."""

from __future__ import annotations

import webob.exc

from glance_filters import errors

_ANSWERS: dict[type[errors.FilterError], type[webob.exc.HTTPError]] = {
    errors.LocationConflict: webob.exc.HTTPConflict,
    errors.InternalName: webob.exc.HTTPForbidden,
    errors.ImageBusy: webob.exc.HTTPConflict,
    errors.LocksUnavailable: webob.exc.HTTPServiceUnavailable,
    errors.DiskFormatNotAllowed: webob.exc.HTTPBadRequest,
    errors.ContentMismatch: webob.exc.HTTPUnsupportedMediaType,
    errors.UnsafeContent: webob.exc.HTTPUnsupportedMediaType,
    errors.FormatsChanged: webob.exc.HTTPConflict,
    errors.BodyTooLarge: webob.exc.HTTPRequestEntityTooLarge,
    errors.BodyUnreadable: webob.exc.HTTPBadRequest,
    errors.DeprecatedHeader: webob.exc.HTTPBadRequest,
    errors.ImageUnknown: webob.exc.HTTPServiceUnavailable,
}


def answer(error: errors.FilterError) -> webob.exc.HTTPError:
    """Return the WSGI application that answers *error*.

    Its body has the form of Glance's own errors: plain text, or HTML or JSON
    if the request's ``Accept`` asks for it.
    """
    return _ANSWERS[type(error)](str(error), headers=list(error.headers))
