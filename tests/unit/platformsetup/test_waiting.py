import pytest

from platformsetup.errors import NotReadyError, SetupError
from platformsetup.waiting import wait_until


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time passes only while somebody sleeps."""
    now = [1000.0]
    monkeypatch.setattr("platformsetup.waiting.time.monotonic", lambda: now[0])
    monkeypatch.setattr(
        "platformsetup.waiting.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    return now


def failing(*reasons):
    left = list(reasons)

    def attempt():
        if left:
            raise NotReadyError(left.pop(0))

    return attempt


def test_what_is_ready_is_not_talked_about(capsys):
    wait_until("S3", failing(), seconds=10)
    assert capsys.readouterr().err == ""


def test_each_reason_is_said_once(capsys):
    wait_until("S3", failing("refused", "refused", "starting up"), seconds=10)
    assert capsys.readouterr().err.splitlines() == [
        "waiting for S3 (0 of 10 s): refused",
        "waiting for S3 (2 of 10 s): starting up",
    ]


def test_a_long_wait_is_said_again(capsys):
    wait_until("S3", failing(*["refused"] * 32), seconds=60)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_the_deadline_names_what_and_why():
    with pytest.raises(NotReadyError, match=r"^S3 was not ready within 5 s: refused$"):
        wait_until("S3", failing(*["refused"] * 99), seconds=5)


def test_what_waiting_cannot_mend_is_not_waited_for(clock):
    def attempt():
        raise SetupError("two writers won")

    with pytest.raises(SetupError, match="two writers won"):
        wait_until("S3", attempt, seconds=5)
    assert clock == [1000.0]
