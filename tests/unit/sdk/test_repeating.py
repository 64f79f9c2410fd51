"""Operations driven by hand: what they ask for, and what they make of the outcome."""

from types import SimpleNamespace

import pytest

from lumbung.calls import Call, Pause
from lumbung.errors import ApiError
from lumbung.repeating import collect, delay, poll, retrying

CALL = Call(object, "Method", None)


def _drive(steps, outcomes):
    """Feeds outcomes to the calls of an operation; returns its result and the pauses it asked for."""
    pauses, outcomes = [], iter(outcomes)
    advance = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = advance()
        except StopIteration as done:
            return done.value, pauses
        if isinstance(step, Pause):
            pauses.append(step.seconds)
            outcome = None
        else:
            outcome = next(outcomes)
        advance = (
            (lambda error=outcome: steps.throw(error))
            if isinstance(outcome, ApiError)
            else (lambda value=outcome: steps.send(value))
        )


def _error(code, after=None):
    return ApiError(code=code, message=code, retry_after_seconds=after)


def test_a_call_is_repeated_while_nobody_answers():
    result, pauses = _drive(retrying(CALL), [_error("UNAVAILABLE"), _error("ABORTED"), "there"])
    assert result == "there"
    assert pauses == [0.4, 0.8]


def test_a_refusal_is_final():
    with pytest.raises(ApiError, match="PERMISSION_DENIED"):
        _drive(retrying(CALL), [_error("PERMISSION_DENIED")])


def test_there_is_an_end_to_trying():
    with pytest.raises(ApiError, match="UNAVAILABLE"):
        _drive(retrying(CALL, attempts=3), [_error("UNAVAILABLE")] * 3)


def test_the_platform_may_ask_for_more_time_within_reason():
    assert delay(1, _error("UNAVAILABLE", 3.0)) == Pause(3.0)
    assert delay(1, _error("UNAVAILABLE", 3600.0)) == Pause(5.0)


@pytest.mark.parametrize(("limit", "asked"), [(None, [1000, 1000]), (1500, [1000, 500]), (3, [3]), (0, [])])
def test_pages_are_asked_for_up_to_the_limit(limit, asked):
    sizes = []

    def page(size, token):
        sizes.append((size, token))
        return CALL

    pages = [
        SimpleNamespace(entries=list(range(1000)), next_page_token="x"),
        SimpleNamespace(entries=list(range(1000, 2000)), next_page_token=""),
    ]
    found, _ = _drive(collect(page, "entries", limit), pages)
    assert [size for size, _token in sizes] == asked
    assert found == list(range(2000 if limit is None else limit))


def test_polling_goes_on_through_an_outage_and_slows_down():
    seen = []
    outcomes = [1, _error("UNAVAILABLE"), 2, 3]
    result, pauses = _drive(
        poll(CALL, lambda value: value == 3, 60, lambda: _error("SLOW"), seen.append), outcomes
    )
    assert (result, seen) == (3, [1, 2, 3])
    assert pauses == [0.2, 0.4, 0.25]


def test_polling_ends_in_time():
    with pytest.raises(ApiError, match="SLOW"):
        _drive(poll(CALL, lambda _value: False, 0, lambda: _error("SLOW")), [1, 2])
