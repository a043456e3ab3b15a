"""Texts with and without secrets, made from the table of kinds. No value is ever real, and none is in this file."""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any

from gt_secure.secrets.recogniser import KINDS_FILE, checksum

TABLE: dict[str, Any] = json.loads(KINDS_FILE.read_text(encoding="utf-8"))
DIGITS, LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
HEX, WORD, BASE32 = DIGITS + "abcdef", DIGITS + LOWER + UPPER, UPPER + "234567"


class Values:
    """Makes the values that stand in braces in the examples; the same ones for the same seed."""

    def __init__(self, seed: int = 7) -> None:
        self.chance = random.Random(seed)
        self.made: list[str] = []

    def of(self, alphabet: str, length: int) -> str:
        """Return letters by chance; upper case, lower case and digits among them where the alphabet has them."""
        while True:
            value = "".join(self.chance.choices(alphabet, k=length))
            kinds = [kind for kind in (LOWER, UPPER, DIGITS) if set(kind) & set(alphabet)]
            if length < 8 or all(set(kind) & set(value) for kind in kinds):
                return value

    def _checked(self, prefix: str) -> str:
        body = self.of(WORD, 30)
        return prefix + body + checksum(body)

    def _jwt(self) -> str:
        parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": self.of(LOWER, 9), "exp": 1893456000}]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, self.of(WORD + "-_", 43)])

    def _pem(self) -> str:
        kind = "PRIVATE" + " KEY"
        lines = [self.of(WORD + "+/", 64) for _ in range(12)]
        return "\n".join([f"-----BEGIN RSA {kind}-----", *lines, self.of(WORD, 20) + "==", f"-----END RSA {kind}-----"])

    def make(self, name: str) -> str:
        """Return a new value of a kind; a number at the end of its name is its length."""
        kind, length = re.fullmatch(r"([a-z_]+)([0-9]*)", name).groups()  # type: ignore[union-attr]
        size = int(length or 0)
        wide = WORD + "+/"
        special = {
            "akia": lambda: self.chance.choice(("AK", "AS")) + "IA" + self.of(BASE32, 16),
            "sts": lambda: "IQoJ" + "b3JpZ2luX2VjE" + self.of(wide, 200),
            "sig": lambda: self.of(wide, 27) + "=",
            "key": lambda: self.of(wide, size - (1 if size == 44 else 2)) + "=" * (1 if size == 44 else 2),
            "cloud": lambda: self.of(WORD + "~-", 120),
            "absk": lambda: "ABSK" + self.of(wide, 124),
            "github": lambda: self._checked("gh" + self.chance.choice("pous") + "_"),
            "github_pat": lambda: "github" + "_pat_" + self.of(WORD, 22) + "_" + self.of(WORD, 59),
            "gitlab": lambda: "gl" + "pat-" + self.of(WORD + "_-", 20),
            "slack": lambda: "xo" + "xb-" + self.of(DIGITS, 12) + "-" + self.of(DIGITS, 12) + "-" + self.of(WORD, 24),
            "hook": lambda: f"T{self.of(UPPER + DIGITS, 9)}/B{self.of(UPPER + DIGITS, 9)}/{self.of(WORD, 24)}",
            "anthropic": lambda: "sk-" + "ant-api03-" + self.of(WORD + "_-", 93) + "AA",
            "openai": lambda: "sk-" + "proj-" + self.of(WORD + "_-", 74) + "T3Blbk" + "FJ" + self.of(WORD + "_-", 74),
            "huggingface": lambda: "h" + "f_" + self.of(LOWER + UPPER, 34),
            "google": lambda: "AI" + "za" + self.of(WORD + "_-", 35),
            "gocspx": lambda: "GOC" + "SPX-" + self.of(WORD + "_-", 28),
            "oauth": lambda: "ya" + "29." + self.of(WORD + "_-", 120),
            "stripe": lambda: "sk_" + "live_" + self.of(WORD, 24),
            "npm": lambda: self._checked("np" + "m_"),
            "pypi": lambda: "pypi-" + "AgEIcHlwaS5vcmc" + self.of(WORD + "_-", 120),
            "databricks": lambda: "da" + "pi" + self.of(HEX, 32),
            "wandb": lambda: "wan" + "db_v1_" + self.of(WORD, 77),
            "login": lambda: base64.b64encode(f"app:{self.of(WORD, 20)}".encode()).decode(),
            "jwt": self._jwt,
            "pem": self._pem,
            "password": lambda: self.of(WORD, 9) + self.chance.choice("!#%*") + self.of(WORD, 3) + "7",
            "hex": lambda: self.of(HEX, size),
            "secret": lambda: self.of(wide, size),
            "word": lambda: self.of(WORD, size),
        }  # fmt: skip
        value = special[kind]()
        self.made.append(value.splitlines()[3] if kind == "pem" else value)
        return value

    def fill(self, text: str) -> str:
        """Put values in place of the braces."""
        return re.sub(r"\{([a-z_]+[0-9]*)\}", lambda name: self.make(name[1]), text)


def examples(seed: int = 7) -> list[tuple[str, str, list[str]]]:
    """Return (kind, text, secrets in it) for each example of the table."""
    found = []
    for kind in TABLE["kinds"]:
        for text in kind["example"]:
            values = Values(seed)
            filled = values.fill(text)
            found.append((kind["what"], filled, values.made))
    return found
