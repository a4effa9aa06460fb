"""Keep secrets out of a log: known values, key-shaped strings, and whatever stands under a secret name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["MASK", "ArgumentMask", "Redactor", "is_secret_name", "known_secrets", "secrets_in"]

MASK = "•••"
_SHORTEST = 8
_DEEPEST = 8
_NAMES = re.compile(
    r"(^|[_\-.])(api[_\-]?key|apikey|secret|passw(or)?d|passphrase|authorization|bearer|credential|private[_\-]?key"
    r"|access[_\-]?token|auth[_\-]?token|refresh[_\-]?token|id[_\-]?token|session[_\-]?token|x[_\-]api[_\-]key)s?($|[_\-.])",
    re.IGNORECASE,
)
_HUMPS = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_\-])(?:"
    r"sk-[A-Za-z0-9_\-]{16,}"  # OpenAI, Anthropic, OpenRouter
    r"|lsv2_[A-Za-z0-9_]{16,}"  # LangSmith
    r"|gsk_[A-Za-z0-9]{20,}"  # Groq
    r"|hf_[A-Za-z0-9]{20,}"  # Hugging Face
    r"|AIza[A-Za-z0-9_\-]{30,}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}"
    r"|xox[abprs]-[A-Za-z0-9\-]{10,}"  # Slack
    r"|AKIA[A-Z0-9]{16}"  # AWS
    r"|eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}"  # JWT
    r"|Bearer\s+[A-Za-z0-9_\-.=+/]{16,}"
    r")"
    r"|(?<=//)[^\s/@:\"']+:[^\s/@\"']+(?=@)"  # https://user:password@host
)
_LABELLED = re.compile(
    r"((?:api[_\-]?key|authorization|passw(?:or)?d|(?:access|auth|refresh)[_\-]?token|client[_\-]?secret)"
    r"[\"']?\s*[:=]\s*[\"']?(?:(?:Basic|Bearer|Token)\s+)?)([^\s\"',;&}\])]{4,})",
    re.IGNORECASE,
)
"""A secret with its name before it, as in the headers that an error message repeats."""
_TECHNICAL = frozenset({"message", "traceback", "reason"})
"""Fields of errors and logs, in which such a pair is no prose."""
_TAIL = re.compile(
    r"(?<![A-Za-z0-9_\-])(?:s|sk|sk-|l|ls|lsv|lsv2|g|gs|gsk|h|hf|A|AI|AIz|AK|AKI|gh|gh[pousr]|gi|git|gith|githu|github|x|xo"
    r"|xox[abprs]?|e|ey|B|Be|Bea|Bear|Beare|Bearer\s*|(?:sk-|lsv2_|gsk_|hf_|AIza|gh[pousr]_|github_|xox[abprs]-|AKIA|eyJ"
    r"|Bearer\s+)[A-Za-z0-9_\-.=+/]*|/(?:/[^\s/@\"']*)?)\Z"
)


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a secret: `api_key`, `clientSecret`, `Authorization` and their like.

    `token` alone is not: in flows it is a word a model says far more often than a key.
    """
    return _NAMES.search(_HUMPS.sub("_", name)) is not None


def known_secrets(environment: Iterable[tuple[str, str]] | None = None) -> set[str]:
    """Values of environment variables with a secret name (HF_TOKEN, too), at least 8 characters long."""
    pairs = os.environ.items() if environment is None else environment
    return {value for name, value in pairs if _is_secret_variable(name) and len(value) >= _SHORTEST}


def _is_secret_variable(name: str) -> bool:
    return is_secret_name(name) or name.upper().endswith("TOKEN")


class Redactor:
    """Masks secrets in JSON values and in text.

    Args:
        secrets: values that must not appear anywhere; shorter ones than 8 characters are ignored, since masking "a"
            would destroy every text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these values are masked, too."""
        new = {secret for secret in secrets if len(secret) >= _SHORTEST}.difference(self._secrets)
        if new:
            self._secrets = sorted(new.union(self._secrets), key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, self._secrets)))

    def find(self, text: str, after: int = 0) -> list[tuple[int, int]]:
        """Where secrets stand in a text, `after` so many characters: ordered ranges that do not overlap."""
        found = [match.span() for match in _SHAPES.finditer(text, after)]
        if self._known is not None:
            found += [match.span() for match in self._known.finditer(text, after)]
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def text(self, text: str) -> str:
        """The text with every secret replaced by `MASK`."""
        for start, end in reversed(self.find(text)):
            text = f"{text[:start]}{MASK}{text[end:]}"
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value with its secrets masked: in every string, and whole where the name it stands under is secret.

        What stood under a secret name is known from then on: a tool may well repeat the password it was called with.
        """
        if isinstance(value, str):
            if name and value and is_secret_name(name):
                self.learn([value])
                return MASK
            return _LABELLED.sub(rf"\1{MASK}", self.text(value)) if name in _TECHNICAL else self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        return MASK if isinstance(value, int) and not isinstance(value, bool) and is_secret_name(name) else value

    def decided(self, text: str, after: int = 0) -> int:
        """How many characters at the start of a growing text cannot become part of a secret any more; one that begins
        in the first `after` is known to be none.
        """
        tail = _TAIL.search(text, max(after, len(text) - 4096))
        ready = tail.start() if tail else len(text)
        for secret in list(self._secrets):
            ready = min(ready, _overlap(text, secret))
        return ready


def _overlap(text: str, secret: str) -> int:
    """Where the longest end of `text` begins that is a start of `secret`, and not yet all of it."""
    for size in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:size]):
            return len(text) - size
    return len(text)


def secrets_in(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """The strings in a value, of dicts and lists, that stand under a secret name."""
    if isinstance(value, str):
        if name and is_secret_name(name):
            yield value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for key, item in list(value.items()):
            yield from secrets_in(item, str(key), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item, name, depth + 1)


class ArgumentMask:
    """Masks the values of secret names in JSON text that arrives in pieces, as the arguments of a tool call do."""

    def __init__(self) -> None:
        self._name = ""
        self._word: list[str] | None = None
        self._escaped = False
        self._secret = False
        self._depth = 0

    def feed(self, fragment: str) -> str:
        """The same fragment without what is secret; `MASK` stands where a secret value begins."""
        return "".join(map(self._step, fragment))

    def _step(self, char: str) -> str:
        if self._word is not None:
            return self._in_string(char)
        if char == '"':
            self._word = []
            return "" if self._secret else char
        if char == ":" and not self._secret and is_secret_name(self._name):
            self._secret, self._depth = True, 0
            return f': "{MASK}"'
        if self._secret:
            return self._in_secret(char)
        return char

    def _in_string(self, char: str) -> str:
        word = self._word if self._word is not None else []
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._name, self._word = "".join(word), None
            return "" if self._secret else char
        word.append(char)
        return "" if self._secret else char

    def _in_secret(self, char: str) -> str:
        """Outside strings, in the value of a secret name: it ends at the comma or bracket of its own level."""
        if char in "[{":
            self._depth += 1
        elif char in "]}" and self._depth:
            self._depth -= 1
        elif char in ",]}" and not self._depth:
            self._secret, self._name = False, ""
            return char
        return ""
