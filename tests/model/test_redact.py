import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfwidget.model.redact import MASK, ArgumentMask, Redactor, is_secret_name, known_secrets

KEYS = [
    "sk-proj-AbCdEf0123456789xyz",
    "sk-ant-api03-abcdefghijklmnop",
    "lsv2_pt_0123456789abcdef_01",
    "gsk_" + "a1B2" * 6,
    "hf_" + "abcDEF12" * 4,
    "AIza" + "Sy-0123456789abcdefghijklmnopqrst",
    "ghp_" + "a1B2c3D4e5" * 3,
    "github_pat_" + "A1b2C3d4E5" * 3,
    "xoxb-1234567890-abcdef",
    "AKIA" + "ABCDEFGH12345678",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    "Bearer abcdef0123456789ABCDEF",
]
PROSE = [
    "The password reset took 12 tokens; max_tokens was 256.",
    "A task-specific-fine-tuning-method is risk-adjusted-by-design.",
    "Bearer of good news: the skeleton key is a token of my esteem.",
    "disk-encryption-and-recovery, ask-me-anything-you-want",
    "She said: sk- is a prefix, and so is hf_ or AKIA.",
    "https://example.org/gh/eye-of-the-tiger?token=page2",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_masked_wherever_it_stands(key):
    redactor = Redactor()
    assert redactor.text(f"use {key}, please") == f"use {MASK}, please"
    assert redactor.text(f'"{key}"') == f'"{MASK}"'
    assert redactor.text(key) == MASK


@pytest.mark.parametrize("text", PROSE)
def test_prose_stays_readable(text):
    assert Redactor().text(text) == text


def test_known_values_are_masked_even_inside_words():
    assert Redactor(["correct horse"]).text("itscorrect horsebattery") == f"its{MASK}battery"


def test_a_known_value_that_overlaps_a_key_leaves_nothing_of_either():
    redactor = Redactor(["my sk-abcdef"])
    assert redactor.text("my sk-abcdef0123456789ghij!") == f"{MASK}!"


def test_short_values_are_not_masked():
    assert Redactor(["a", "1234567"]).text("a 1234567") == "a 1234567"


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apiKey", "OPENAI_API_KEY", "openaiApiKey", "password", "db.password", "passwd", "Authorization",
        "x-api-key", "client_secret", "clientSecret", "access_token", "accessToken", "private_key", "credentials",
        "passphrase", "userPassword",
    ],
)  # fmt: skip
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "token", "tokens", "max_tokens", "total_tokens", "key", "keys", "keyword", "author", "secretary", "first_token",
        "eos_token", "monkey", "passenger", "api", "authorizationless",
    ],
)  # fmt: skip
def test_names_that_are_not_secret(name):
    assert not is_secret_name(name)


def test_values_under_secret_names_are_masked_whole():
    value = {"api_key": "abc", "n": 3, "deep": [{"password": 1234, "user": "ann"}], "secrets": ["a", "b"]}
    assert Redactor().value(value) == {
        "api_key": MASK,
        "n": 3,
        "deep": [{"password": MASK, "user": "ann"}],
        "secrets": [MASK, MASK],
    }


def test_nothing_given_stays_nothing():
    assert Redactor().value({"api_key": None, "password": "", "secret": False}) == {
        "api_key": None,
        "password": "",
        "secret": False,
    }


def test_keys_in_the_names_of_a_dict_are_masked():
    assert Redactor().value({KEYS[0]: 1}) == {MASK: 1}


def test_the_environment_tells_its_secrets():
    environment = {"OPENAI_API_KEY": "0123456789", "HF_TOKEN": "abcdefghij", "HOME": "/home/ann", "MY_SECRET": "short"}
    assert known_secrets(environment.items()) == {"0123456789", "abcdefghij"}


@pytest.mark.parametrize("key", [*KEYS, "known secret value"])
def test_no_start_of_a_secret_is_decided_before_its_end(key):
    redactor = Redactor(["known secret value"])
    for size in range(1, len(key)):
        assert redactor.decided(f"is {key[:size]}") <= len("is ")


@pytest.mark.parametrize("key", [*KEYS, "known secret value"])
def test_a_secret_is_decided_by_what_follows_it(key):
    text = f"is {key}, so"
    assert Redactor(["known secret value"]).decided(f"{text} ") == len(text) + 1


def test_what_stands_inside_a_word_is_decided():
    assert Redactor().decided("task", 0) == len("task")
    assert Redactor().decided("as", 1) == len("as")


def fed(mask, pieces):
    return "".join(map(mask.feed, pieces))


ARGUMENTS = {
    "user": "ann",
    "password": 'he"llo\\',
    "list": ["password", 1],
    "auth": {"api_key": {"deep": ["x", {"y": 1}]}, "next": True},
    "secret": None,
    "note": "the password: 12",
}


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=20))
def test_arguments_lose_their_secrets_however_they_are_cut(cuts):
    text = json.dumps(ARGUMENTS)
    at = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    out = fed(ArgumentMask(), [text[a:b] for a, b in pairwise(at)])
    assert json.loads(out) == {
        **ARGUMENTS,
        "password": MASK,
        "auth": {"api_key": MASK, "next": True},
        "secret": MASK,
    }


def test_text_that_is_no_json_is_passed_on():
    assert fed(ArgumentMask(), ["not ", "json: at {all"]) == "not json: at {all"
