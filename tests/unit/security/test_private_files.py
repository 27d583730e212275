import os

import pytest

from gameserver.security import private_files


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_private_file_is_readable_by_its_owner_only(tmp_path):
    private_files.write(tmp_path / "new" / "file", "text")
    assert mode(tmp_path / "new" / "file") == 0o600


def test_writing_again_replaces_the_text_and_narrows_the_mode(tmp_path):
    file = tmp_path / "file"
    file.write_text("a longer text than the new one")
    file.chmod(0o644)
    private_files.write(file, "short")
    assert file.read_text() == "short"
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_secret_is_made_once_and_then_kept(tmp_path):
    made = iter(["first", "second"])
    assert private_files.read_or_make(tmp_path / "secret", lambda: next(made)) == "first"
    assert private_files.read_or_make(tmp_path / "secret", lambda: next(made)) == "first"
    assert mode(tmp_path / "secret") == 0o600


def test_whoever_has_the_file_open_sees_what_is_written_into_it(tmp_path):
    file = tmp_path / "secret"
    private_files.rewrite(file, "the first, and longer")
    with file.open() as mounted:
        private_files.rewrite(file, "the second")
        assert mounted.read() == "the second"
    assert mode(file) == 0o600


def test_what_is_no_file_stays_what_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for write in (private_files.write, private_files.rewrite):
        with pytest.raises(FileExistsError, match="is no file"):
            write(pipe, "a secret")
    assert list(tmp_path.iterdir()) == [pipe]
    assert pipe.is_fifo()
