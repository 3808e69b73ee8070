"""Worker processes for a search that outlives them: one that dies is replaced, and its work is done again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from tinyc.errors import ToolchainError

T = TypeVar("T")


class Workers(Executor):
    """`ProcessPoolExecutor`, which gives up with its first dead worker, replaced whenever that happens.

    A call that was lost is made again, up to `retries` times; ToolchainError then. Calls must be repeatable, as those
    of a search are.
    """

    def __init__(self, count: int, retries: int = 5) -> None:
        self.count, self.retries = count, retries
        self._lock, self._pool = Lock(), ProcessPoolExecutor(count)

    def submit(self, function: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        promise: Future[T] = Future()
        self._start(promise, partial(function, *arguments, **named), self.retries)
        return promise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def _start(self, promise: Future[T], call: Callable[[], T], left: int) -> None:
        with self._lock:
            try:
                attempt = self._pool.submit(call)
            except BrokenProcessPool:
                self._pool.shutdown(wait=False)
                self._pool = ProcessPoolExecutor(self.count)
                attempt = self._pool.submit(call)
        attempt.add_done_callback(lambda ended: self._ended(promise, call, left, ended))

    def _ended(self, promise: Future[T], call: Callable[[], T], left: int, attempt: Future[T]) -> None:
        """Pass on what came of an attempt, or make another."""
        if attempt.cancelled():
            promise.cancel()
            return
        error = attempt.exception()
        if isinstance(error, BrokenProcessPool) and left:
            self._start(promise, call, left - 1)
        elif isinstance(error, BrokenProcessPool):
            promise.set_exception(ToolchainError(
                f"a worker process died {self.retries + 1} times over the same network or beside it: it was killed, or "
                "ran out of memory. Give fewer workers, or look at what the score function does."
            ))  # fmt: skip
        elif error:
            promise.set_exception(error)
        else:
            promise.set_result(attempt.result())
