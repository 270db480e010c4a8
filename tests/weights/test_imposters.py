import pytest

from mutoscope.weights.imposters import imposter


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML><p>Sign in", "a web page (a login"),
        (b"<html><title>Google Drive - Virus scan warning", "Google Drive's warning page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"),
        (b" \n", "empty"),
    ],
)
def test_what_is_no_file_of_weights_is_named(head, told):
    assert imposter(head).startswith(told)


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x80\x02}", b"model:\n  target: x", b"\0\0"])
def test_what_may_be_one_is_left(head):
    assert imposter(head) == ""
