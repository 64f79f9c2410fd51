import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localstack.layout import Layout, write_private
from localstack.vault import Vault
from platformsetup import DATABASES
from platformsetup.identity.realm import role_accounts


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_private_and_different(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secrets")
    vault.ensure()
    assert mode(vault.folder) == 0o700
    assert {mode(path) for path in vault.folder.iterdir()} == {0o600}
    assert set(vault.table("accounts")) == set(role_accounts())
    values = [*vault.table("databases").values(), *vault.table("clients").values(), vault.read("ray-token")]
    assert len(values) == len(set(values))
    assert min(map(len, values)) >= 32


def test_secrets_never_change_and_missing_ones_are_added(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secrets")
    vault.ensure()
    token, databases = vault.read("s3-secret-key"), vault.table("databases")
    (vault.folder / "ray-token").unlink()
    vault.ensure()
    assert vault.read("s3-secret-key") == token
    assert vault.table("databases") == databases
    assert set(databases) == set(DATABASES)
    assert vault.read("ray-token")


def test_an_open_folder_is_closed_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "stack")
    layout.create()
    layout.secrets.chmod(0o755)
    layout.create()
    assert mode(layout.secrets) == 0o700
    assert (layout.root / ".gitignore").read_text() == "*\n"


def test_two_threads_may_write_the_same_private_file(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write_private(path, str(number)), range(400)))
    assert path.read_text().isdecimal()
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]
