"""What is held of a source whose transactions are open, on a clock and with a server of the test's own."""

from datetime import timedelta

import pytest

from ingest_service.extract import settling
from ingest_service.extract.database import Horizon
from ingest_service.extract.failures import ExtractError
from ingest_service.extract.positions import Held, Mark, Position, lowered, read_position, write_position


class Server:
    """Tells one horizon after the other, the last one for ever."""

    def __init__(self, *horizons):
        self.horizons = list(horizons)
        self.renewed = 0

    def horizon(self):
        return self.horizons[0]

    def renew(self):
        self.renewed += 1
        if len(self.horizons) > 1:
            self.horizons.pop(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(settling.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(settling.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def settle(server, before=None):
    return settling.settle(server, lambda: 100, before, 1.0)


def test_nothing_open_holds_nothing():
    server = Server(Horizon(7, 7))
    assert settle(server) == (100, None)
    assert server.renewed == 0


def test_short_ones_are_waited_for_even_while_others_begin():
    server = Server(Horizon(5, 7), Horizon(6, 9), Horizon(8, 11))
    assert settle(server) == (100, None)
    assert server.renewed == 2


def test_a_server_that_tells_nothing_holds_nothing():
    assert settle(Server(None)) == (100, None)


def test_a_long_one_holds_what_the_run_before_had():
    open_one = Horizon(5, 7)
    assert settle(Server(open_one)) == (100, Held(None, Mark(100, 7)))
    assert settle(Server(open_one), Position("n", 60)) == (100, Held(60, Mark(100, 7)))


def test_it_is_held_until_all_that_were_open_have_ended():
    before = Position("n", 90, Held(60, Mark(90, 7)))
    assert settle(Server(Horizon(5, 9)), before) == (100, before.held)
    assert settle(Server(Horizon(7, 9)), before) == (100, Held(90, Mark(100, 9)))
    assert settle(Server(Horizon(9, 9)), before) == (100, None)


@pytest.mark.parametrize("start", [None, 60])
def test_positions_are_kept_as_text(start):
    position = Position("n", 100, Held(start, Mark(90, 2**60)))
    assert read_position(write_position(position), "n") == position
    assert position.start == start
    assert Position("n", 100).start == 100
    with pytest.raises(ExtractError, match="run it in full once"):
        read_position(write_position(position), "m")


def test_a_lag_has_the_kind_of_its_column():
    assert lowered(100, 7) == 93
    with pytest.raises(ExtractError):
        lowered(100, timedelta(hours=1))
