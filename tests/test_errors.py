"""What an error says, wherever what it quotes is from."""

import pickle

import pytest

from mutoscope.errors import ScriptError, SettingsError


@pytest.mark.parametrize("sign", ["\x1b", "\0", "\r", "\x7f", "\u202e", "\udcff"])
def test_a_message_steers_no_terminal(sign):
    error = SettingsError(f"scenes: {sign}[2J is not allowed")
    assert str(error) == "scenes: \ufffd[2J is not allowed"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


def test_what_can_be_read_stays():
    text = "scènes: 狐\u3000狸, 10\u202f000 × 384; “ok” 🦊"
    assert str(ScriptError(text)) == text
