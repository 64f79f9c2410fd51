"""The portal as a process of its own, with a provider of the code flow and parts that are up and down."""

import os
import subprocess
import sys
import time

import grpc
import httpx
import pytest
import yaml
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from support.gateway import serve_documents
from support.realm import run_realm
from support.servers import free_ports


@pytest.fixture(scope="module")
def realm():
    with run_realm() as running:
        yield running


@pytest.fixture(scope="module")
def healthy():
    from concurrent.futures import ThreadPoolExecutor

    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture(scope="module")
def portal(realm, healthy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("portal")
    port, metrics = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    realm.redirect_uris.add(f"{url}/portal/callback")
    with serve_documents({"/": {}}) as web:
        settings = {
            "listen": {"port": port, "metrics_port": metrics, "stop_grace_seconds": 1},
            "auth": {"issuer": realm.issuer, "jwks_url": f"{realm.issuer}/certs"},
            "public_url": url,
            "fresh_seconds": 0,
            "probe_seconds": 5,
            "parts": [
                {"name": "catalog", "kind": "grpc", "address": healthy},
                {"name": "compute", "kind": "grpc", "address": "127.0.0.1:9"},
                {"name": "s3", "kind": "http", "address": web},
                {"name": "postgres", "kind": "tcp", "address": "127.0.0.1:9"},
            ],
        }
        config = folder / "portal.yaml"
        config.write_text(yaml.safe_dump(settings))
        log = folder / "portal.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "portal_service"],
                env=os.environ | {"LUMBUNG_CONFIG": str(config)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "SERVING"}
                    break
                except httpx.TransportError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.1)
            yield url, f"http://127.0.0.1:{metrics}/metrics"
        finally:
            process.terminate()
            assert process.wait(30) == 0, log.read_text()


@pytest.fixture
def browser(portal):
    headers = {"accept-language": "id-ID,id;q=0.9,en;q=0.8"}
    with httpx.Client(base_url=portal[0], headers=headers, trust_env=False, timeout=30) as client:
        yield client


def _sign_in(browser):
    answer = browser.get("/portal/signin", follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer


def test_who_is_not_signed_in_sees_the_door_and_no_state(browser):
    answer = browser.get("/")
    assert answer.status_code == 200
    assert 'href="/portal/signin"' in answer.text
    assert "Katalog" not in answer.text
    assert "set-cookie" not in answer.headers


def test_sign_in_shows_what_is_up_and_what_is_down(browser):
    answer = _sign_in(browser)
    assert answer.url.path == "/"
    assert "analis-kanwil-32" in answer.text
    assert "2 dari 4 bagian terhenti." in answer.text
    assert answer.text.count('class="up"') == answer.text.count('class="down"') == 2
    english = browser.get("/?lang=en").text
    assert "2 of 4 parts are down." in english
    assert "127.0.0.1" not in english
    assert "2 of 4 parts are down." in browser.get("/").text  # the choice is kept


def test_the_browser_holds_no_token_and_a_guarded_cookie(browser):
    _sign_in(browser)
    (cookie,) = [cookie for cookie in browser.cookies.jar if cookie.name == "lumbung_portal"]
    assert "secret-access" not in cookie.value
    assert len(cookie.value) < 120
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax"
    assert "secret-access" not in browser.get("/").text


def test_the_session_is_named_afresh_at_sign_in(browser):
    begun = browser.get("/portal/signin")
    before = browser.cookies["lumbung_portal"]
    back = httpx.get(begun.headers["location"], trust_env=False).headers["location"]
    browser.get(back)
    assert browser.cookies["lumbung_portal"] != before
    browser.cookies.set("lumbung_portal", before, domain="127.0.0.1")
    assert (
        'href="/portal/signin"'
        in httpx.get(browser.base_url, cookies={"lumbung_portal": before}, trust_env=False).text
    )


def test_a_forged_cookie_is_nobody(browser):
    _sign_in(browser)
    value = browser.cookies["lumbung_portal"]
    changed = ("A" if value[0] != "A" else "B") + value[1:]
    answer = httpx.get(browser.base_url, cookies={"lumbung_portal": changed}, trust_env=False)
    assert "/portal/signin" in answer.text


def test_an_answer_that_another_browser_began_is_refused(browser, portal):
    begun = browser.get("/portal/signin")
    back = httpx.get(begun.headers["location"], trust_env=False).headers["location"]
    with httpx.Client(base_url=portal[0], trust_env=False) as other:
        answer = other.get(back)
        assert answer.status_code == 401
        assert "Signing in did not work." in answer.text
        assert "/portal/signin" in other.get("/").text


def test_a_replayed_identity_is_refused(browser, realm):
    realm.nonce = "of-another-sign-in"
    try:
        answer = browser.get("/portal/signin", follow_redirects=True)
    finally:
        realm.nonce = None
    assert answer.status_code == 401


def test_sign_out_ends_it_here_and_at_the_realm(browser, realm, portal):
    _sign_in(browser)
    cookie = browser.cookies["lumbung_portal"]
    assert browser.get("/portal/signout").status_code == 405
    assert browser.post("/portal/signout", headers={"sec-fetch-site": "cross-site"}).status_code == 400
    answer = browser.post("/portal/signout", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 303
    target = httpx.URL(answer.headers["location"])
    assert str(target).startswith(f"{realm.issuer}/logout?")
    assert target.params["post_logout_redirect_uri"] == f"{portal[0]}/"
    again = httpx.get(browser.base_url, cookies={"lumbung_portal": cookie}, trust_env=False)
    assert "/portal/signin" in again.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/portal/../..//evil.test",
        "javascript:alert(1)",
        "/%2f/x",
    ],
)
def test_it_leads_to_no_other_site(browser, wanted):
    answer = browser.get("/portal/signin", params={"next": wanted})
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil" not in answer.text


def test_the_host_header_does_not_choose_where_the_code_goes(browser, portal):
    answer = browser.get("/portal/signin", headers={"host": "evil.test", "x-forwarded-host": "evil.test"})
    assert httpx.URL(answer.headers["location"]).params["redirect_uri"] == f"{portal[0]}/portal/callback"


@pytest.mark.parametrize(
    "path", ["/", "/portal/nothing", "/portal/callback?code=x&state=y", "/portal/static/../app.py"]
)
def test_every_page_has_the_safe_headers(browser, path):
    answer = browser.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


def test_pages_ask_no_other_site_for_anything(browser):
    import re

    text = _sign_in(browser).text + browser.get("/portal/static/portal.css").text
    assert re.findall(r"(?:src|href|action)=\"(?!/|#)[^\"]*", text) == []
    assert "url(" not in text
    assert "<script" not in text
    assert "style=" not in text


def test_prometheus_counts_pages_by_route(browser, portal):
    browser.get("/no/such/path/4711")
    text = httpx.get(portal[1], trust_env=False).text
    assert 'lumbung_http_requests_total{method="GET",page="home",status="200"}' in text
    assert "4711" not in text
    assert "lumbung_http_running 0.0" in text
