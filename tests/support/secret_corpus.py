"""Texts with and without secrets, made from the table of kinds. No value is ever real,
and none is in this file.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from typing import Any
from urllib.parse import quote

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
        """Return letters by chance; upper case,
        lower case and digits among them where the alphabet has them.
        """
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
        encoded = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in parts
        ]
        return ".".join([*encoded, self.of(WORD + "-_", 43)])

    def _pem(self) -> str:
        kind = "PRIVATE" + " KEY"
        lines = [self.of(WORD + "+/", 64) for _ in range(12)]
        return "\n".join(
            [
                f"-----BEGIN RSA {kind}-----",
                *lines,
                self.of(WORD, 20) + "==",
                f"-----END RSA {kind}-----",
            ]
        )

    def make(self, name: str) -> str:
        """Return a new value of a kind; a number at the end of its name is its length."""
        kind, length = re.fullmatch(r"([a-z_]+)([0-9]*)", name).groups()  # type: ignore[union-attr]
        size = int(length or 0)
        wide = WORD + "+/"
        special = {
            "akia": lambda: self.chance.choice(("AK", "AS")) + "IA" + self.of(BASE32, 16),
            "sts": lambda: "IQoJ" + "b3JpZ2luX2VjE" + self.of(wide, 200),
            "sig": lambda: self.of(wide, 27) + "=",
            "key": lambda: (
                self.of(wide, size - (1 if size == 44 else 2)) + "=" * (1 if size == 44 else 2)
            ),
            "cloud": lambda: self.of(WORD + "~-", 120),
            "absk": lambda: "ABSK" + self.of(wide, 124),
            "github": lambda: self._checked("gh" + self.chance.choice("pous") + "_"),
            "github_pat": lambda: "github" + "_pat_" + self.of(WORD, 22) + "_" + self.of(WORD, 59),
            "gitlab": lambda: "gl" + "pat-" + self.of(WORD + "_-", 20),
            "slack": lambda: (
                "xo"
                + "xb-"
                + self.of(DIGITS, 12)
                + "-"
                + self.of(DIGITS, 12)
                + "-"
                + self.of(WORD, 24)
            ),
            "hook": lambda: (
                f"T{self.of(UPPER + DIGITS, 9)}/B{self.of(UPPER + DIGITS, 9)}/{self.of(WORD, 24)}"
            ),
            "anthropic": lambda: "sk-" + "ant-api03-" + self.of(WORD + "_-", 93) + "AA",
            "openai": lambda: (
                "sk-"
                + "proj-"
                + self.of(WORD + "_-", 74)
                + "T3Blbk"
                + "FJ"
                + self.of(WORD + "_-", 74)
            ),
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
            "bech": lambda: self.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", size),
            "password": lambda: (
                self.of(WORD, 9) + self.chance.choice("!#%*") + self.of(WORD, 3) + "7"
            ),
            "hex": lambda: self.of(HEX, size),
            "secret": lambda: self.of(wide, size),
            "word": lambda: self.of(WORD, size),
        }
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


def every_letter(text: str) -> str:
    return "".join(f"%{ord(c):02x}" if c.isascii() else c for c in text)


def signs(text: str, form: str) -> str:
    """Spell what is neither a letter nor a digit in another way."""
    return "".join(c if c.isalnum() or not c.isascii() else form.format(ord(c)) for c in text)


NAMES = {
    "X-Amz-Signature": "hex64",
    "x-amz-signature": "hex64",
    "X-Goog-Signature": "hex256",
    "Signature": "hex64",
    "X-Amz-Security-Token": "sts",
    "SessionToken": "sts",
    "aws_session_token": "secret200",
    "AWS_SECRET_ACCESS_KEY": "secret40",
    "SecretAccessKey": "secret40",
    "secret_key": "secret40",
    "aws-secret-access-key": "secret40",
    "DB_PASSWORD": "password",
    "client_secret": "word40",
    "GITHUB_TOKEN": "word36",
    "api_key": "word32",
}
BARE = (
    "{n}={v}",
    "{n} = {v}",
    "{n}: {v}",
    "{n}:{v}",
    "{n} => {v}",
    "--{n} {v}",
    "--{n}={v}",
    "export {n}={v}",
    "%env {n}={v}",
    "{n}    {v}",
    "{n}\t{v}",
    "| {n} | {v} |",
    "│ {n} │ {v} │",
    "<{n}>{v}</{n}>",
    "<{n} xml:space='preserve'>{v}</{n}>",
    "<td>{n}</td><td>{v}</td>",
    "<tr>\n <th>{n}</th>\n <td class='x'><code>{v}</code></td>",
    "<input name={n} value={v}>",
)
QUOTED = (
    "{n}={q}{v}{q}",
    "{n} = {q}{v}{q}",
    "{n}: {q}{v}{q}",
    "{n}: str = {q}{v}{q}",
    "{q}{n}{q}: {q}{v}{q}",
    "{q}{n}{q}:{q}{v}{q}",
    "{q}{n}{q}: [{q}{v}{q}]",
    "{q}{n}{q}: b{q}{v}{q}",
    "[({q}{n}{q}, {q}{v}{q})]",
    "[{q}{n}{q},\n {q}{v}{q}]",
    "os.environ[{q}{n}{q}] = {q}{v}{q}",
    "{{{q}name{q}: {q}{n}{q}, {q}value{q}: {q}{v}{q}}}",
    "<input type={q}hidden{q} name={q}{n}{q} value={q}{v}{q}/>",
    "<Parameter Name={q}{n}{q}>{v}</Parameter>",
)
SPELLED = {
    "as it is": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent of signs": lambda text: signs(text, "%{:02X}"),
    "percent of all, twice": lambda text: every_letter(every_letter(text)),
    "HTML": html.escape,
    "HTML, hexadecimal": lambda text: signs(text, "&#x{:x};"),
    "HTML, twice": lambda text: html.escape(signs(text, "&#{};")),
    "HTML names": lambda text: (
        text.replace("=", "&equals;").replace("_", "&lowbar;").replace("'", "&apos;")
    ),
    "JSON": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(
        json.dumps(text, ensure_ascii=False), ensure_ascii=False
    ),
    "JSON of signs": lambda text: signs(text, "\\u{:04x}"),
    "Python": lambda text: signs(text, "\\x{:02x}"),
    "JavaScript": lambda text: text.replace("/", "\\/"),
    "colours": lambda text: (
        "\x1b[32m" + text[:3] + "\x1b[0m" + text[3:7] + "\x1b[1;4m" + text[7:] + "\x1b[0m"
    ),
    "soft breaks": lambda text: text[:4] + "\u200b" + text[4:9] + "<wbr>" + text[9:],
}


def spelled(name: str, spelling: str) -> list[tuple[str, str]]:
    """Return (secret, text) for a name and its value between all separators and quotes,
    in one spelling.
    """
    values, texts = Values(11), []
    for form in [*BARE, *QUOTED]:
        for mark in "'\"`" if form in QUOTED else "'":
            value = values.make(NAMES[name])
            text = form.format(n=name, v=value, q=mark)
            if spelling != "percent" or text.isascii():
                texts.append((value, f"x {SPELLED[spelling](text)} y"))
    return texts


def vectors() -> list[str]:
    """Return the texts that both implementations are tried with."""
    texts = [text for _, text, _ in examples()]
    values = Values(3)
    texts += [values.fill(text) for kind in TABLE["kinds"] for text in kind["counter"]]
    for name in NAMES:
        texts += [text for spelling in SPELLED for _, text in spelled(name, spelling)][:: len(name)]
    halves, threes = (
        [text[: len(text) // 2] for text in texts[::5]],
        ["".join(texts[i : i + 3]) for i in range(0, 300, 3)],
    )
    return texts + halves + threes + drawn(400, 5)


def drawn(number: int, seed: int) -> list[str]:
    """Return texts by chance: parts of examples and of pure noise,
    each spelled in up to two ways, some wrapped.
    """
    chance, known = random.Random(seed), [text for _, text, _ in examples(seed)]
    noise = [
        *"%&\\\"'=:;<>\n\t\x00\x1bµ│\u200b",
        "%25",
        "&amp;",
        "\\u0026",
        "=3D",
        "token",
        "secret",
        "AKIA",
        "eyJ",
        "@",
    ]
    texts = []
    for _ in range(number):
        text = ""
        for _ in range(chance.randint(1, 4)):
            part = chance.choice(known)
            part = (
                part[: chance.randint(len(part) // 2, len(part))] if chance.random() < 0.3 else part
            )
            for spelling in chance.sample(list(SPELLED.values()), chance.randint(0, 2)):
                part = spelling(part)
            text += "".join(chance.choices(noise, k=chance.randint(0, 5))) + part
        width = chance.choice((0, 0, 0, 72, 120))
        texts.append(
            "\n".join(text[i : i + width] for i in range(0, len(text), width)) if width else text
        )
    return texts
