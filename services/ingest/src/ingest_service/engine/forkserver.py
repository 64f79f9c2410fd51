"""Gives every file a process of its own without loading the libraries again: a fork of one that has done nothing yet.

Run by the service as `python -m ingest_service.engine.forkserver SOCKET PARENT`. It never opens a file that somebody
sent, so its children know nothing of one another. An order comes with one end of a socket: over it go the child's pid and, when
the child has ended, its exit code, each on a line; the child is killed when the service shuts its end.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import traceback
import warnings
from functools import partial
from typing import NoReturn

# Loaded at the first use of what is used for every file: here, so that no child has to.
import pyarrow.compute  # noqa: F401

from ingest_service.engine.job import Order
from ingest_service.engine.lifetime import die_with
from ingest_service.engine.worker import work

__all__ = ["main"]

_ORDER_BYTES = 65536


class _ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._events = selectors.DefaultSelector()
        self._events.register(control, selectors.EVENT_READ, self._take_order)
        self._serving = True

    def run(self) -> None:
        """Until the service shuts its end; what then still runs dies with this process."""
        while self._serving:
            # One at a time: what one handler ends must not be handled again.
            key, _events = self._events.select()[0]
            key.data()

    def _take_order(self) -> None:
        message, sent, _flags, _address = socket.recv_fds(self._control, _ORDER_BYTES, 1)
        if not message:
            self._serving = False
            return
        order, asker = Order.model_validate_json(message), socket.socket(fileno=sent[0])
        try:
            pid = os.fork()
        except OSError:
            asker.close()  # the service sees that there is no process
            traceback.print_exc()
            return
        if pid == 0:
            self._be_child(order, asker)
        # Nothing else waits for the child: until it is reaped here, its pid is its own.
        ended = os.pidfd_open(pid)
        self._events.register(asker, selectors.EVENT_READ, partial(self._kill, asker, pid))
        self._events.register(ended, selectors.EVENT_READ, partial(self._reap, asker, ended, pid))
        self._say(asker, pid)

    def _kill(self, asker: socket.socket, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self._events.unregister(asker)

    def _reap(self, asker: socket.socket, ended: int, pid: int) -> None:
        _pid, status = os.waitpid(pid, 0)
        self._events.unregister(ended)
        os.close(ended)
        if asker in self._events.get_map():
            self._events.unregister(asker)
        self._say(asker, os.waitstatus_to_exitcode(status))
        asker.close()

    @staticmethod
    def _say(asker: socket.socket, number: int) -> None:
        try:
            asker.sendall(b"%d\n" % number)
        except OSError:
            return  # The service has lost interest; what it left running is killed.

    def _be_child(self, order: Order, asker: socket.socket) -> NoReturn:
        code = 1
        try:
            if die_with(self._pid):
                self._forget(asker)
                log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(log, 2)
                work(order)
                code = 0
        except BaseException:  # noqa: BLE001 - there is nobody above to tell
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _forget(self, asker: socket.socket) -> None:
        """Closes what belongs to the service and to other children."""
        for key in list(self._events.get_map().values()):
            os.close(key.fd)
        self._events.close()
        asker.close()


def main(arguments: list[str]) -> int:
    """Serves orders from the socket with the given number, for as long as the parent lives."""
    number, parent = (int(argument) for argument in arguments)
    if not die_with(parent):
        return 1
    # Allocators keep threads of their own and see to them at a fork. Those that compute are not started here.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as control:
        control.send(b"ready")
        _ForkServer(control).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
