from portal_service.sessions import SessionStore


def test_a_session_is_read_until_it_ends():
    store = SessionStore(most=10)
    uid = store.begin({"a": 1}, 60)
    assert store.read(uid) == {"a": 1}
    store.end(uid)
    assert store.read(uid) is None


def test_a_session_expires_and_is_forgotten():
    store = SessionStore(most=10)
    uid = store.begin({"a": 1}, 0)
    assert store.read(uid) is None
    assert len(store) == 0


def test_the_oldest_makes_room():
    store = SessionStore(most=2)
    first, second, third = (store.begin({}, 60) for _ in range(3))
    assert [store.read(uid) for uid in (first, second, third)] == [None, {}, {}]
