"""Operations of the client, written once and run by blocking or by awaiting.

An operation is a generator: it yields what is to be done (`Call`, `Pause`, `Work`), is sent the outcome, and returns
its result. A failed call is thrown into it as `ApiError`. `Blocking` and `Awaiting` differ in how they do a step.
"""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, overload

import grpc

from lumbung.errors import ApiError
from lumbung.failures import api_error
from lumbung.texts import in_language
from lumbung.transport import Headers

__all__ = ["Awaiting", "Blocking", "Call", "Operation", "Pause", "Work", "operation", "stream"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One RPC. `request` is a message, or for a stream of requests a function that makes a new iterator.

    With `each`, every message of the answer's stream is given to it, and the outcome is nothing.
    """

    stub: Callable[[Any], Any]
    method: str
    request: Any
    timeout: float = 30.0
    each: Callable[[Any], None] | None = None

    def start(self, stubs: dict[Any, Any], channel: Any, **options: Any) -> Any:
        """Begins the call on `channel`; `stubs` keeps stubs from one call to the next."""
        return self._method(stubs, channel)(self._sent(), timeout=self.timeout, **options)

    def start_later(self, channel: grpc.Channel) -> Any:
        """Begins the call on a blocking channel and returns a future."""
        return self._method({}, channel).future(self._sent(), timeout=self.timeout)

    def _method(self, stubs: dict[Any, Any], channel: Any) -> Any:
        if self.stub not in stubs:
            stubs[self.stub] = self.stub(channel)
        return getattr(stubs[self.stub], self.method)

    def _sent(self) -> Any:
        return self.request() if callable(self.request) else self.request


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Something that keeps the processor or a disk busy; its result is the outcome."""

    run: Callable[[], Any]


Operation: TypeAlias = Generator[Call | Pause | Work, Any, T]


class Blocking:
    """A subject of the client whose methods return when they are done."""

    def __init__(self, channel: grpc.Channel, language: str = "en") -> None:
        self._channel = channel
        self._language = language
        self._stubs: dict[Any, Any] = {}

    def perform(self, steps: Operation[T]) -> T:
        """Runs an operation to its end."""
        with in_language(self._language), closing(steps):
            advance: Callable[[], Any] = functools.partial(next, steps)
            while True:
                try:
                    step = advance()
                except StopIteration as done:
                    result: T = done.value
                    return result
                try:
                    advance = functools.partial(steps.send, self._do(step))
                except grpc.RpcError as error:
                    advance = functools.partial(steps.throw, api_error(error))
                except ApiError as error:
                    advance = functools.partial(steps.throw, error)

    def _do(self, step: Call | Pause | Work) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        if isinstance(step, Work):
            return step.run()
        call = step.start(self._stubs, self._channel)
        if step.each is None:
            return call
        try:
            for message in call:
                step.each(message)
        finally:
            call.cancel()
        return None

    def listen(self, call: Call) -> Iterator[Any]:
        """The messages of a stream, as they come."""
        running = call.start(self._stubs, self._channel)
        try:
            yield from running
        except grpc.RpcError as error:
            with in_language(self._language):
                raise api_error(error) from error
        finally:
            running.cancel()


class Awaiting:
    """A subject of the client whose methods are awaited.

    `blocking_channel` gives a channel that adds the headers itself, for streams of requests: the asyncio side of gRPC
    may lose the status with which a server ends such a stream early (grpc/grpc issue 36066), and an upload could
    not tell a wrong offset from a failure.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        headers: Headers,
        blocking_channel: Callable[[], grpc.Channel],
        language: str = "en",
    ) -> None:
        self._channel = channel
        self._headers = headers
        self._blocking_channel = blocking_channel
        self._language = language
        self._stubs: dict[Any, Any] = {}

    async def perform(self, steps: Operation[T]) -> T:
        """Runs an operation to its end."""
        with in_language(self._language), closing(steps):
            advance: Callable[[], Any] = functools.partial(next, steps)
            while True:
                try:
                    step = advance()
                except StopIteration as done:
                    result: T = done.value
                    return result
                try:
                    advance = functools.partial(steps.send, await self._do(step))
                except grpc.RpcError as error:
                    advance = functools.partial(steps.throw, api_error(error))
                except ApiError as error:
                    advance = functools.partial(steps.throw, error)

    async def _do(self, step: Call | Pause | Work) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Work):
            return await asyncio.to_thread(step.run)
        if callable(step.request):
            return await self._send_stream(step)
        call = await self._start(step)
        if step.each is None:
            return await call
        try:
            async for message in call:
                step.each(message)
        finally:
            call.cancel()
        return None

    async def _send_stream(self, call: Call) -> Any:
        running = call.start_later(self._blocking_channel())
        try:
            return await asyncio.to_thread(running.result)
        finally:
            running.cancel()

    async def _start(self, call: Call) -> Any:
        # The token may have to be renewed over HTTP or read from a file.
        metadata = await asyncio.to_thread(self._headers)
        return call.start(self._stubs, self._channel, metadata=metadata)

    async def listen(self, call: Call) -> AsyncIterator[Any]:
        """The messages of a stream, as they come."""
        running = await self._start(call)
        try:
            async for message in running:
                yield message
        except grpc.RpcError as error:
            with in_language(self._language):
                raise api_error(error) from error
        finally:
            running.cancel()


class _Operation(Generic[P, T]):
    """A method that returns its result on a `Blocking` subject, and something to await on an `Awaiting` one."""

    def __init__(self, build: Callable[Concatenate[Any, P], Operation[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, subject: Blocking, owner: object = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, subject: Awaiting, owner: object = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, subject: Any, owner: object = None) -> Any:
        if subject is None:
            return self._build

        @functools.wraps(self._build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return subject.perform(self._build(subject, *args, **kwargs))

        return method


class _Stream(Generic[P, T]):
    """A method that gives an iterator on a `Blocking` subject, and an asynchronous one on an `Awaiting` one."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call], _message: type[T] | None) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, subject: Blocking, owner: object = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, subject: Awaiting, owner: object = None) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, subject: Any, owner: object = None) -> Any:
        if subject is None:
            return self._build

        @functools.wraps(self._build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return subject.listen(self._build(subject, *args, **kwargs))

        return method


def operation(build: Callable[Concatenate[Any, P], Operation[T]]) -> _Operation[P, T]:
    """Makes a method of an operation."""
    return _Operation(build)


def stream(
    message: type[T],
) -> Callable[[Callable[Concatenate[Any, P], Call]], _Stream[P, T]]:
    """Makes a method that hands out the messages of a call's stream as they come."""
    return lambda build: _Stream(build, message)
