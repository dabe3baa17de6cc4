"""As whom a command speaks, and to which API."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fulfil.cli.connection import Logins, NotSignedInError, StoredLogin, find_api, find_token

API = "http://127.0.0.1:8800"
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the machine's."""
    for name in ("FULFIL_API_URL", "FULFIL_TOKEN", "FULFIL_API_KEY", "FULFIL_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def keep(folder: Path, email: str, token: str, expires_at: datetime = LATER, api_url: str = API) -> None:
    """Sign somebody in."""
    Logins.of(folder).keep(folder, api_url, email, StoredLogin(token=token, expires_at=expires_at))


def test_the_latest_login_is_used_unless_another_is_named(tmp_path: Path) -> None:
    keep(tmp_path, "ada@example.com", "a")
    keep(tmp_path, "bob@example.com", "b")
    assert find_token(tmp_path, API, "") == "b"
    assert find_token(tmp_path, API, "ada@example.com") == "a"
    keep(tmp_path, "ada@example.com", "a2")
    assert find_token(tmp_path, API, "") == "a2"


def test_a_token_in_the_environment_goes_before_stored_logins_but_not_before_a_named_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, "ada@example.com", "a")
    monkeypatch.setenv("FULFIL_API_KEY", "ful_test_k")
    assert find_token(tmp_path, API, "") == "ful_test_k"
    monkeypatch.setenv("FULFIL_TOKEN", "t")
    assert find_token(tmp_path, API, "") == "t"
    assert find_token(tmp_path, API, "ada@example.com") == "a"


def test_a_login_is_for_one_api_and_for_its_time(tmp_path: Path) -> None:
    keep(tmp_path, "ada@example.com", "a")
    with pytest.raises(NotSignedInError, match="fulfil login EMAIL"):
        find_token(tmp_path, "http://elsewhere:8800", "")
    keep(tmp_path, "ada@example.com", "a", datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(NotSignedInError, match="expired"):
        find_token(tmp_path, API, "")


def test_a_forgotten_login_is_gone(tmp_path: Path) -> None:
    keep(tmp_path, "ada@example.com", "a")
    assert Logins.of(tmp_path).drop(tmp_path, API, "ada@example.com") is True
    assert Logins.of(tmp_path).drop(tmp_path, API, "ada@example.com") is False
    with pytest.raises(NotSignedInError):
        find_token(tmp_path, API, "")


def test_a_spoilt_login_file_is_no_login(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text("{")
    with pytest.raises(NotSignedInError):
        find_token(tmp_path, API, "")


def test_only_the_owner_can_read_the_logins(tmp_path: Path) -> None:
    keep(tmp_path, "ada@example.com", "a")
    assert ((tmp_path / "logins.json").stat().st_mode & 0o777) == 0o600


def test_the_api_is_where_the_environment_says_else_at_the_usual_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_api(tmp_path) == API
    monkeypatch.setenv("FULFIL_API_URL", "https://fulfil.example/")
    assert find_api(tmp_path) == "https://fulfil.example"
