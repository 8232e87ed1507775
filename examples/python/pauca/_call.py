"""How a function of C is called: errors become exceptions, long calls can be interrupted, progress is told.

ctypes lets no KeyboardInterrupt out of a callback, and delivers none while C works. So a long call of the main thread
works on a thread of its own, while the main thread waits, and sets the flag that the library polls when a signal comes.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import threading
from collections import deque
from ctypes import byref, c_int32, c_void_p, sizeof
from typing import Any, Callable, Iterator, NamedTuple, Optional, Union

from . import _abi, _backend, errors
from ._lib import lib

_ERROR_SIZE = sizeof(_abi.pauca_error)


def new_error() -> _abi.pauca_error:
    return _abi.pauca_error(struct_size=_ERROR_SIZE)


def raised(error: _abi.pauca_error) -> errors.Error:
    return errors.of(error, lib.pauca_status_name(error.code).decode())


def check(function: Callable, *arguments: Any) -> None:
    """Calls a function whose last argument is an error, on this thread."""
    error = new_error()
    if function(*arguments, byref(error)) != 0:
        raise raised(error)


class Progress(NamedTuple):
    """How far a call has come."""

    stage: str
    """What is being done: "seed", "iterate", "compare", .."""
    done: int
    """Units done in this stage."""
    total: int
    """Units in this stage."""
    iteration: Optional[int]
    """The number of the iteration that has just ended, else None."""
    moved: Optional[int]
    """Rows whose label that iteration changed, else None."""
    objective: Optional[float]
    """The inertia after it, else None."""


ProgressLike = Union[None, bool, Callable[[Progress], Any]]

_CALLBACK = ctypes.CFUNCTYPE(c_int32, c_void_p, ctypes.POINTER(_abi.pauca_progress))


class Context:
    """A context of the library: threads, and the flag that stops its calls. Used by one call at a time."""

    def __init__(self, threads: int, told: bool, chosen: tuple[int, int]):
        self.flag = c_int32(0)
        self.listener: Optional[Callable[[Progress], Any]] = None
        self.failure: Optional[BaseException] = None
        options = _abi.pauca_context_options()
        check(lib.pauca_context_options_init, byref(options), sizeof(options), _abi.PAUCA_ABI_VERSION)
        options.threads = threads
        options.backend, options.device = chosen
        options.cancel = ctypes.addressof(self.flag)
        if told:
            self._callback = _CALLBACK(self._hear)  # lives as long as the context
            options.progress = ctypes.cast(self._callback, c_void_p).value
        handle = c_void_p()
        check(lib.pauca_context_new, byref(options), byref(handle))
        self.handle = handle
        self._process = os.getpid()

    def _hear(self, _user: Any, pointer: Any) -> int:
        try:
            p = pointer.contents
            iteration = (p.iteration, p.moved, p.objective) if p.is_iteration else (None, None, None)
            listener = self.listener
            if listener is None:
                return 1
            told = listener(Progress(ctypes.string_at(p.stage).decode(), p.done, p.total, *iteration))
            return 0 if told is False else 1
        except BaseException as failure:  # it cannot pass through C
            self.failure = failure
            return 0

    def __del__(self):
        # A forked child leaves the threads of its parent alone.
        if getattr(self, "handle", None) and self._process == os.getpid():
            lib.pauca_context_free(self.handle)


_free: dict[tuple[int, bool, tuple[int, int]], deque] = {}


def _forget() -> None:
    """After a fork: contexts that another thread had taken, or put back, are the parent's."""
    for contexts in _free.values():
        _leaked.extend(contexts)
    _free.clear()


_leaked: list[Context] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def context(threads: Optional[int], listener: Optional[Callable[[Progress], Any]]) -> Iterator[Context]:
    """A context that nobody else uses meanwhile. Contexts are kept: their threads live on."""
    threads = 0 if threads is None else _whole("threads", threads)
    key = (threads, listener is not None, _backend.chosen())
    kept = _free.setdefault(key, deque())
    try:
        found = kept.pop()
    except IndexError:
        found = Context(*key)
    found.flag.value, found.listener, found.failure = 0, listener, None
    try:
        yield found
    finally:
        found.listener = found.failure = None
        kept.append(found)


def _whole(name: str, value: Any, most: int = 2**64 - 1) -> int:
    """A number of an option as an int that fits."""
    try:
        number = value.__index__()
    except AttributeError:
        raise TypeError(f"{name} is {value!r}, expected a whole number") from None
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {number}, expected 0 to {most}")
    return number


def _apart(work: Callable[[], int], flag: c_int32) -> int:
    """Does work on another thread. A signal's exception sets the flag, and is raised when work has ended.

    A signal may come between any two steps, so each is written to be done again: a second thread finds the work taken,
    and who waits looks at what the work has left, not at the lock.
    """
    taken, done = threading.Lock(), threading.Lock()
    done.acquire()
    ended: list[Any] = []

    def main() -> None:
        if not taken.acquire(blocking=False):
            return
        try:
            ended.append(work())
        except BaseException as exception:
            ended.append(exception)
        done.release()

    interrupt: Optional[BaseException] = None
    started = False
    pause = 0.1 if os.name == "nt" else -1  # on Windows a lock that waits hears no signal
    while not ended:
        try:
            if not started:
                _thread.start_new_thread(main, ())
                started = True
            done.acquire(timeout=pause)
        except BaseException as exception:
            flag.value = 1
            interrupt = exception
    if interrupt is not None:
        raise interrupt
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


#: Work of fewer multiplications than this is done at once: some milliseconds.
SHORT = 10_000_000


def call(
    function: Callable,
    *arguments: Any,
    work: float,
    threads: Optional[int] = None,
    progress: ProgressLike = None,
    failed: Optional[Callable[[], Optional[BaseException]]] = None,
) -> None:
    """Calls a function whose last arguments are a context and an error.

    work: about how many multiplications it takes. failed: what a source of Python's has failed with.
    """
    with _listener(progress) as listener, context(1 if work < SHORT and threads is None else threads, listener) as used:
        error = new_error()

        def body() -> int:
            return function(*arguments, used.handle, byref(error))

        long = work >= SHORT or listener is not None or failed is not None
        if long and threading.current_thread() is threading.main_thread():
            status = _apart(body, used.flag)
        else:
            status = body()
        if used.failure is not None:
            raise used.failure
        if status != 0:
            raise raised(error) from (failed() if failed else None)


@contextlib.contextmanager
def _listener(progress: ProgressLike) -> Iterator[Optional[Callable[[Progress], Any]]]:
    """What hears of the progress: a function of the caller's, or a bar of tqdm where True asks for it and tqdm is there."""
    if progress is None or progress is False:
        yield None
        return
    if progress is not True:
        if not callable(progress):
            raise TypeError(f"progress is {progress!r}, expected True, False or a function of a Progress")
        yield progress
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    bars: list[Any] = []

    def show(p: Progress) -> None:
        if not bars or bars[0].desc != p.stage:
            for bar in bars:
                bar.close()
            bars[:] = [tqdm(total=p.total, leave=False)]
            bars[0].desc = p.stage
        if p.iteration is not None:
            bars[0].set_postfix(iteration=p.iteration, moved=p.moved, refresh=False)
        bars[0].n = p.done
        bars[0].refresh()

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()
