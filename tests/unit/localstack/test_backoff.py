from localstack.backoff import Backoff


def test_waits_double_up_to_half_a_minute() -> None:
    backoff = Backoff()
    waits = [backoff.next_wait(ran_for=0.0) for _ in range(9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_part_that_ran_for_a_minute_starts_from_the_first_wait() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next_wait(ran_for=1.0)
    assert backoff.next_wait(ran_for=61.0) == 0.5
    assert backoff.next_wait(ran_for=1.0) == 1.0
