import importlib.util
import sys
from pathlib import Path

import pytest
import structlog
import structlog.testing

# Tests are imported by path (importlib mode), so that a module beside them has to be loaded by path as well.
_spec = importlib.util.spec_from_file_location("sdk_platform", Path(__file__).with_name("platform.py"))
sdk_platform = importlib.util.module_from_spec(_spec)
sys.modules["sdk_platform"] = sdk_platform
_spec.loader.exec_module(sdk_platform)


@pytest.fixture
def platform(monkeypatch, tmp_path):
    platform = sdk_platform.Platform()
    monkeypatch.setenv("LUMBUNG_GATEWAY_URL", f"http://127.0.0.1:{platform.port}")
    monkeypatch.setenv("LUMBUNG_ISSUER", sdk_platform.ISSUER)
    monkeypatch.setenv("LUMBUNG_TOKEN", platform.token)
    monkeypatch.setenv("LUMBUNG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LUMBUNG_OUTPUT", raising=False)
    monkeypatch.delenv("LUMBUNG_LANGUAGE", raising=False)
    monkeypatch.setattr("lumbung.uploads.CHUNK_BYTES", 64 * 1024)
    with structlog.testing.capture_logs():  # the command's own output is looked at
        yield platform
        platform.close()


@pytest.fixture
def upload_file(tmp_path):
    """A file of ten chunks and a bit, no two chunks alike."""
    path = tmp_path / "panel.csv"
    path.write_bytes(b"".join(f"{n:07d}\n".encode() for n in range(84_321)))
    return path
