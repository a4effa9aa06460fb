import base64
import json
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfwidget.gateway.tokens import LEEWAY, RIGHTS, Grant, InvalidTokenError, Signer

SECRET = "a secret for tests, which is long enough"
signer = Signer(SECRET)
scopes = st.one_of(st.just("*"), st.text(max_size=40).map("run:{}".format))
grants = st.builds(
    Grant, scope=scopes, right=st.sampled_from(RIGHTS), subject=st.text(max_size=20), seats=st.integers(0, 1000)
)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(**fields):
    return {"aud": "lfwidget", "exp": time.time() + 60, "jti": "x", "scope": "run:a", "can": "view", **fields}


@given(grants)
def test_a_token_says_what_was_granted(grant):
    found = signer.check(signer.mint(grant, 60))
    assert (found.scope, found.right, found.subject, found.seats) == (
        grant.scope,
        grant.right,
        grant.subject,
        grant.seats,
    )
    assert found.link
    assert found.expires == pytest.approx(time.time() + 60, abs=20)


def test_two_tokens_are_two_links():
    assert signer.check(signer.mint(Grant("run:a"), 60)).link != signer.check(signer.mint(Grant("run:a"), 60)).link


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_none(data):
    text = signer.mint(Grant("run:a", "view", link="fixed"), 60)
    at = data.draw(st.integers(0, len(text) - 2))  # the last character has bits that mean nothing
    other = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda letter: letter != text[at]))
    with pytest.raises(InvalidTokenError):
        signer.check(text[:at] + other + text[at + 1 :])


@given(st.text())
def test_what_is_no_token_is_refused_in_words(text):
    with pytest.raises(InvalidTokenError, match="not one of this gateway"):
        signer.check(text)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_none(algorithm):
    for signature in ("", signer.mint(Grant("run:a"), 60).rpartition(".")[2]):
        with pytest.raises(InvalidTokenError):
            signer.check(f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}.{signature}")


def test_a_token_signed_with_another_secret_is_none():
    with pytest.raises(InvalidTokenError):
        signer.check(Signer("another secret, which is long enough, too").mint(Grant("*", "publish"), 60))


def test_a_token_signed_with_another_algorithm_is_none():
    with pytest.raises(InvalidTokenError):
        signer.check(jwt.encode(claims(), SECRET + SECRET, "HS512"))


@pytest.mark.parametrize("missing", ["aud", "exp", "jti", "scope", "can"])
def test_a_token_that_leaves_something_out_is_none(missing):
    with pytest.raises(InvalidTokenError):
        signer.check(jwt.encode({name: value for name, value in claims().items() if name != missing}, SECRET))


@pytest.mark.parametrize(
    "wrong", [{"scope": 7}, {"can": "everything"}, {"can": ["view"]}, {"seats": "9"}, {"seats": True}, {"aud": "other"}]
)
def test_a_token_that_says_something_else_is_none(wrong):
    with pytest.raises(InvalidTokenError):
        signer.check(jwt.encode(claims(**wrong), SECRET))


def test_clocks_may_differ_a_little():
    signer.check(signer.mint(Grant("run:a"), -LEEWAY / 2))
    with pytest.raises(InvalidTokenError, match="expired"):
        signer.check(signer.mint(Grant("run:a"), -LEEWAY - 5))


@given(grants, grants, st.integers(1, 10_000))
def test_nobody_hands_out_more_than_he_has(mine, wanted, lifetime):
    held = signer.check(signer.mint(mine, 600))
    given_on = signer.check(signer.narrowed(held, wanted, lifetime))
    assert RIGHTS.index(given_on.right) <= RIGHTS.index(held.right)
    assert held.covers(given_on.scope)
    assert given_on.expires <= held.expires


def test_rights_include_those_before_them():
    assert [Grant("*", "run").allows(right) for right in RIGHTS] == [True, True, False]


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="at least 32 characters"):
        Signer("short")
