# SPDX-License-Identifier: Apache-2.0

"""``glance-filters try``: what a running service does, as its client sees."""

from __future__ import annotations

import argparse
import contextlib
import os
import ssl
import sys
from typing import TYPE_CHECKING

from glance_filters.acceptance import service, suite

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_HOLDS = 0
EXIT_LACKS = 1
EXIT_UNUSABLE = 2

_TOKEN = "OS_TOKEN"  # noqa: S105


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "try",
        help="try what the filters do on a running service",
        description=(
            "Try each feature that a client can observe on a running Glance, "
            "with the filters in it or behind the proxy. Makes private images "
            "of its own and deletes them; nothing else is changed. Prints a "
            "line for each feature. Exit status: 0 all that was tried holds, "
            "1 something does not, or an image could not be deleted, 2 the "
            "service cannot be used."
        ),
    )
    parser.add_argument(
        "--url", required=True, help="the service, with or without /v2"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(_TOKEN),
        help=(
            "a token of a project member; default: the environment variable "
            f"{_TOKEN}, which other users of the machine cannot read"
        ),
    )
    parser.add_argument(
        "--alone",
        metavar="URL",
        help=(
            "the same service without the filters: tells what it does by "
            "itself"
        ),
    )
    parser.add_argument(
        "--location-url",
        metavar="URL",
        help=(
            "a URL that the service can read and takes as a location; "
            "without it, locations are replaced by none"
        ),
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="how long the service may send nothing; default: %(default)s",
    )
    parser.add_argument(
        "--ca-file", metavar="PEM", help="certification authorities to trust"
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="do not verify the certificate of the service",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Try ``options.url`` and return the exit status."""
    if not options.token:
        return _unusable(f"a token is needed: --token, or {_TOKEN}")
    urls = [options.url, *([options.alone] if options.alone else [])]
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        if options.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        services = [
            service.Service(url, options.token, context, options.timeout)
            for url in urls
        ]
    except (OSError, ValueError) as error:
        return _unusable(str(error))
    for url, each in zip(urls, services):
        refusal = suite.refusal(each)
        if refusal is not None:
            return _unusable(f"{url}: {refusal}")
    return _try(services, options.location_url)


def _unusable(text: str) -> int:
    sys.stderr.write(f"glance-filters try: {text}\n")
    return EXIT_UNUSABLE


def _try(services: list[service.Service], location_url: str | None) -> int:
    counts = dict.fromkeys(suite.Verdict, 0)
    scratches = [suite.Scratch(each) for each in services]
    with contextlib.ExitStack() as stack:
        trials = [
            suite.Trial(each, stack.enter_context(scratch), location_url)
            for each, scratch in zip(services, scratches)
        ]
        for row in suite.run(*trials):
            counts[row.verdict] += 1
            sys.stdout.write(_text(row))
            sys.stdout.flush()
    left = [image_id for scratch in scratches for image_id in scratch.left]
    for image_id in left:
        sys.stderr.write(f"image {image_id} could not be deleted\n")
    words = [f"{count} {verdict.value}" for verdict, count in counts.items()]
    sys.stdout.write(f"{', '.join(words)}\n")
    return EXIT_LACKS if left or counts[suite.Verdict.LACKS] else EXIT_HOLDS


def _text(row: suite.Row) -> str:
    """Return the lines of a row: the verdict, and what was observed."""
    lines = [f"{row.verdict.value:<9}  {row.check.asked}"]
    if row.verdict in (suite.Verdict.LACKS, suite.Verdict.HOLDS):
        lines.append(f"expected: {row.check.expected}")
    lines.append(f"seen:     {row.seen}")
    if row.alone is not None:
        lines.append(f"alone:    {row.alone}")
    return ("\n" + " " * 11).join(lines) + "\n"
