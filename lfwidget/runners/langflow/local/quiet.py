"""Import lfx without what that does to the process.

Importing lfx 1.13 sets two environment variables, takes the handlers off some loggers, removes loguru's, configures
structlog for everybody and makes `sys.stdout` escape what it cannot encode. All of this is put back.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

__all__ = ["is_loaded", "load_lfx"]

_VARIABLES = ("OTEL_SEMCONV_STABILITY_OPT_IN", "USER_AGENT")
"""What lfx 1.13 writes to `os.environ`. Only these are put back: others may be set meanwhile by somebody else."""

_LOGGERS = ("uvicorn.", "gunicorn.")
"""Prefixes of the loggers whose handlers `lfx.log.logger.configure` takes away."""

_lock = threading.Lock()


def is_loaded() -> bool:
    """Whether lfx's engine is imported, by whoever."""
    return "lfx.graph.graph.base" in sys.modules


def load_lfx() -> None:
    """Import lfx's engine. It takes 4 to 40 seconds the first time, so it is called in a thread."""
    with _lock:
        if is_loaded():
            return
        # Whoever imported lfx's logging before us wants it as it is.
        mine = "lfx.log.logger" not in sys.modules
        with ExitStack() as kept:
            kept.enter_context(_environment())
            kept.enter_context(_streams())
            kept.enter_context(_logging())
            if mine:
                kept.enter_context(_structlog())
                kept.enter_context(_loguru())
            importlib.import_module("lfx.graph.graph.base")
            services: Any = importlib.import_module("lfx.services.deps")
            services.get_settings_service()


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _streams() -> Iterator[None]:
    before = [(stream, getattr(stream, "errors", None)) for stream in _standard_streams()]
    try:
        yield
    finally:
        for stream, errors in before:
            if errors and getattr(stream, "errors", None) != errors:
                with suppress(AttributeError, ValueError):  # a stream that cannot be set again was not set either
                    stream.reconfigure(errors=errors)


def _standard_streams() -> list[Any]:
    return [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]


@contextmanager
def _logging() -> Iterator[None]:
    known = [
        logger
        for name, logger in list(logging.root.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and name.startswith(_LOGGERS)
    ]
    before = [(logger, list(logger.handlers), logger.propagate, logger.level) for logger in (logging.root, *known)]
    try:
        yield
    finally:
        for logger, handlers, propagate, level in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


@contextmanager
def _structlog() -> Iterator[None]:
    """Afterwards lfx's own logger keeps lfx's configuration (critical messages only), and nobody else has it."""
    structlog: Any = importlib.import_module("structlog")
    configured, before = structlog.is_configured(), structlog.get_config()
    try:
        yield
    finally:
        theirs = structlog.get_config()
        if "lfx.log.logger" in sys.modules:
            logger: Any = sys.modules["lfx.log.logger"].logger
            logger._wrapper_class = theirs["wrapper_class"]  # noqa: SLF001 - `get_logger` takes it from the globals only
            logger._processors = theirs["processors"]  # noqa: SLF001
        if configured:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()


@contextmanager
def _loguru() -> Iterator[None]:
    """What lfx does to loguru: it removes the first handler, and adds one of its own for critical messages only."""
    logger: Any = importlib.import_module("loguru").logger

    def keep(*_: Any) -> None:
        raise ValueError("there is no such handler")  # which lfx takes for granted

    # On the instance, so that the class stays as it is; a handler that was removed cannot be put back.
    logger.remove = keep
    try:
        yield
    finally:
        del logger.remove
        added = getattr(sys.modules.get("lfx.log.logger"), "_loguru_handler_id", None)
        if added is not None:
            with suppress(ValueError):
                logger.remove(added)
