from datetime import date
from pathlib import Path

import pytest

from equityaccess.commands.folder import NotOursError, hold


def test_a_demo_folder_remembers_how_far_the_sample_went(tmp_path: Path) -> None:
    with hold(tmp_path, reset=False) as folder:
        assert folder.sampled_until is None
        folder.remember(date(2026, 11, 22))
    with hold(tmp_path, reset=False) as folder:
        assert folder.sampled_until == date(2026, 11, 22)


def test_reset_deletes_what_a_demo_kept_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "thesis.txt"
    other.write_text("do not delete")
    with hold(tmp_path, reset=False) as folder:
        folder.database.mkdir()
        folder.remember(date(2026, 11, 22))
    with hold(tmp_path, reset=True) as folder:
        assert folder.sampled_until is None
        assert not folder.database.exists()
    assert other.exists()


@pytest.mark.parametrize("reset", [False, True])
def test_a_database_that_no_demo_made_is_left_alone(tmp_path: Path, reset: bool) -> None:
    kept = tmp_path / "pg" / "PG_VERSION"
    kept.parent.mkdir()
    kept.write_text("18\n")
    with pytest.raises(NotOursError, match="no demo made"), hold(tmp_path, reset=reset):
        pass
    assert [*tmp_path.rglob("*")] == [kept.parent, kept]


def test_two_demos_cannot_share_a_folder(tmp_path: Path) -> None:
    with hold(tmp_path, reset=False), pytest.raises(NotOursError, match="runs in"), hold(tmp_path, reset=True):
        pass
