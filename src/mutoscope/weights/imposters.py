"""What comes, or lies, in the place of a file of weights: told by its first bytes."""

_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")


def imposter(head: bytes) -> str:
    """What begins with ``head`` and is neither weights nor a configuration, as a noun.

    Nothing where it may be either.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGES):
        if b"google drive" in text:
            return "Google Drive's warning page (too large to be scanned, or asked for too often)"
        return "a web page (a login, warning or error page)"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    return "" if text else "empty"
