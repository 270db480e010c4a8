import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.errors import SettingsError
from mutoscope.settings.interpolate import escaped, interpolated


def resolved(values, **defaults):
    return interpolated(values, defaults=defaults)


def refusal(values):
    with pytest.raises(SettingsError) as caught:
        resolved(values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_value_by_another_key_keeps_its_type():
    values = {"a": "${b}", "b": 5, "c": "x${b}y", "d": ["${b}", {"e": "${c}"}]}
    assert resolved(values) == {"a": 5, "b": 5, "c": "x5y", "d": [5, {"e": "x5y"}]}


def test_a_key_that_is_not_written_has_its_default():
    assert resolved({"a": "${b}"}, b=7) == {"a": 7}


def test_resolvers():
    found = resolved(
        {
            "a": "${now:%Y}",
            "b": "${user_cache:}",
            "c": "${path_join:${user_cache:},models}",
            "d": "${path_join:/x,${e}}",
            "e": "y",
        }
    )
    cache = str(Path("~/.cache").expanduser())
    assert re.fullmatch(r"20\d\d", found["a"])
    assert (found["b"], found["c"]) == (cache, str(Path(cache, "models")))
    assert found["d"] == str(Path("/x/y"))


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "${oc.${b}:HOME}",
        "${${b}}",
        "${oc.decode:'[1]'}",
        "${oc.create:{}}",
        "x${ oc.env:HOME }",
        "${b.c}",
        "${",
        "${b",
        "${now}x${hydra:runtime.cwd}",
        "${path_join:a,${oc.env:HOME}}",
    ],
)
def test_nothing_else_is_let_through(text):
    message = refusal({"a": text, "b": "env", "now": "1"})
    assert message.startswith("a: ")
    assert "${now:FORMAT}" in message


def test_an_unknown_key_is_named_with_the_nearest():
    assert (
        refusal({"a": "${widht}", "width": 1}) == "a: ${widht} names no key; did you mean 'width'?"
    )


def test_a_circle_is_named():
    message = refusal({"a": "${b}", "b": "x${c}", "c": "${a}"})
    assert message == "a: leads back to itself (a → b → c → a); break the circle"


def test_doubling_is_bounded():
    values = {"a0": "x" * 100}
    values |= {f"a{i}": f"${{a{i - 1}}}" * 2 for i in range(1, 60)}
    began = time.process_time()
    assert "would grow over" in refusal(values)
    assert time.process_time() - began < 2


def test_deep_nesting_is_refused():
    assert refusal({"a": "${path_join:" * 400 + "x" + "}" * 400})


def test_an_escaped_one_is_text():
    assert resolved({"a": r"\${b} ${b}", "b": 1}) == {"a": "${b} 1", "b": 1}


@given(st.text(alphabet="\\${}ab :'\"é", max_size=20))
def test_escaping_gives_back_exactly_the_text(text):
    assert resolved({"a": escaped(text), "b": "${c}", "c": 1})["a"] == text
