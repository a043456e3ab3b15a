"""The table of kinds: every kind is found in every place,
and nothing else is taken for a secret.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import uuid
from functools import cache
from typing import Any

import pytest

from gt_secure.secrets import find_secrets, holds_secret, mask_secrets, recogniser, redact
from gt_secure.secrets.recogniser import find
from support.notebooks import FIRST, at_some_places
from support.secret_corpus import HEX, TABLE, WORD, Values, examples, vectors

MADE = [(what, text, secrets) for seed in (7, 8) for what, text, secrets in examples(seed)]
KINDS = sorted({what for what, _, _ in MADE})


def cell(kind: str = "code", **members: Any) -> dict[str, Any]:
    extra: dict[str, Any] = {"outputs": [], "execution_count": 1} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": "1 + 1", **extra, **members}


def book(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def shown(**data: Any) -> dict[str, Any]:
    return cell(outputs=[{"output_type": "display_data", "metadata": {}, "data": data}])


def html_of(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


STATE = "application/vnd.jupyter.widget-state+json"
PLACES = {
    "source": lambda text: book(cell(source=f'x = """{text}"""')),
    "source in lines": lambda text: book(
        cell(source=f'x = 1\ny = """{text}"""\n'.splitlines(keepends=True))
    ),
    "markdown": lambda text: book(cell("markdown", source=f"See {text} there.")),
    "stream": lambda text: book(
        cell(outputs=[{"output_type": "stream", "name": "stdout", "text": ["a\n", f"{text}\n"]}])
    ),
    "result": lambda text: book(shown(**{"text/plain": repr(text)})),
    "html": lambda text: book(shown(**{"text/html": [f"<pre>{html_of(text)}</pre>"]})),
    "json": lambda text: book(shown(**{"application/json": {"a": [{"b": text}]}})),
    "error": lambda text: book(
        cell(
            outputs=[
                {
                    "output_type": "error",
                    "ename": "E",
                    "evalue": text,
                    "traceback": ["\x1b[31m--\x1b[0m", text],
                }
            ]
        )
    ),
    "metadata": lambda text: book(
        cell(metadata={"tags": [text]}), papermill={"parameters": {"x": text}}
    ),
    "attachment": lambda text: book(cell("markdown", attachments={"a.txt": {"text/plain": text}})),
    "attachment in base64": lambda text: book(
        cell("markdown", attachments={"a.svg": {"image/svg+xml": encoded(f"<svg>{text}</svg> ")}})
    ),
    "widget": lambda text: book(widgets={STATE: {"state": {"a": {"state": {"value": text}}}}}),
    "widget buffer": lambda text: book(
        widgets={
            STATE: {
                "state": {
                    "a": {"buffers": [{"data": encoded(f"{text} and what else was uploaded")}]}
                }
            }
        }
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_found_in_every_place(kind: str, place: str) -> None:
    for what, text, secrets in MADE:
        if what != kind:
            continue
        notebook = PLACES[place](text)
        assert find_secrets(notebook), text
        mask_secrets(notebook)
        left = json.dumps(notebook, ensure_ascii=False)
        assert not [secret for secret in secrets if secret in left], (text, left)
        assert find_secrets(notebook) == []


def check_first(places: int) -> None:
    for _, text, secrets in examples():
        for notebook in at_some_places(text, places):
            mask_secrets(notebook)
            left = json.dumps(notebook, ensure_ascii=False)
            assert not [secret for secret in secrets if secret in left], (text, left)


def test_every_kind_is_found_as_the_first_text_of_a_place() -> None:
    check_first(4)


@pytest.mark.slow
def test_every_kind_is_found_as_the_first_text_of_every_place() -> None:
    check_first(len(FIRST))


@pytest.mark.parametrize("kind", ["github", "npm", "huggingface", "openai"])
def test_the_first_text_of_an_output_widget(kind: str) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": Values(7).make(kind)}
    model = {"_model_name": "OutputModel", "outputs": [output]}
    assert find_secrets(book(widgets={STATE: {"state": {"a": {"state": model}}}}))


@pytest.mark.parametrize(("what", "text", "secrets"), MADE, ids=[what for what, _, _ in MADE])
def test_every_example_is_of_its_kind_and_gone(what: str, text: str, secrets: list[str]) -> None:
    assert what in [span.what for span in find(text)]
    masked = redact(f"({text})")
    assert not [secret for secret in secrets if secret in masked]
    assert redact(masked) == masked


def test_the_table_is_complete() -> None:
    assert len(KINDS) >= 34
    for kind in TABLE["kinds"]:
        assert kind["source"]
        assert kind["example"]
        assert kind["counter"]


PROSE = """\
The secret of a good password is its length.
token accuracy 0.91, perplexity 12.4, 50257 tokens in the vocabulary
tokenizer.pad_token = tokenizer.eos_token
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased", token=True)
sep_token="[SEP]", cls_token='[CLS]', mask_token="<mask>"
max_new_tokens=256, num_beams=4, token_type_ids=None
API_KEY = os.environ["API_KEY"]
api_key = getpass.getpass("API key: ")
password = input()
PASSWORD=$PASSWORD docker compose up
export TOKEN=${TOKEN:?set it}
token: {{ secrets.GITHUB_TOKEN }}
password: <your password>
db_password = "********"
secret_name = "prod/labeling/db2024"
SecretId='arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf'
secret = client.get_secret_value(SecretId=name)["SecretString"]
def signature(f: Callable[..., Any]) -> inspect.Signature: ...
inspect.signature(function).parameters["x"]
session_token=credentials.token, secret_key=credentials.secret_key
boto3.Session(aws_session_token=creds["SessionToken"], aws_access_key_id=creds["AccessKeyId"])
assert response.headers["X-Amz-Signature"] is None
postgresql://user:password@localhost:5432/app
mysql://root:${MYSQL_PASSWORD}@db/app
https://example.com:8443/a/b@2x.png
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7v1Xr2 me@host
Authorization: Bearer <token>
Authorization: Bearer $TOKEN
AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
https://s3.amazonaws.com/b/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1141889120&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D
arn:aws:iam::111122223333:user/AKIA-like/name
arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/radiology-team
model-1a2b3c4d/checkpoint-00012000/optimizer.pt
The key is scans/2026/11/27/chest-0001.png, its token count is 4096.
secrets.token_hex(16), hashlib.sha256(token).hexdigest()
{"csrf_token": "IjEyMzQ1Njc4OTBhYmNkZWYi.Zx"}
sk-learn 1.5, hf_hub_download, npm_config_cache, dapi, ghp_
url = f"https://h/k?token={token}&sig={sig}"
password_hash: $2b$12$abcdefghijklmnopqrstuv
[SEP] Ġtoken ##ing <|endoftext|>
"""
"""Lines of everyday notebooks that talk about secrets and hold none."""


def clean_texts() -> dict[str, str]:
    """Texts of every day that hold no secret."""
    chance = random.Random(4)
    values = Values(4)
    hashes = {
        name: hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha256", "sha512")
    }
    png = base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + bytes(chance.randrange(256) for _ in range(3000))
    ).decode()
    certificate = "\n".join(values.of(WORD + "+/", 64) for _ in range(12))
    texts = {
        f"counter-example of {kind['what']} {i}": values.fill(text)
        for kind in TABLE["kinds"]
        for i, text in enumerate(kind["counter"])
    }
    texts |= {name: f"{name}: {value}" for name, value in hashes.items()}
    texts |= {f"commit {i}": f"commit {values.of(HEX, 40)}\nAuthor: A <a@b.test>" for i in range(5)}
    texts |= {
        f"uuid {i}": f"ClientRequestToken: {uuid.UUID(int=chance.getrandbits(128))}"
        for i in range(5)
    }
    texts |= {
        f"lock {i}": f'"integrity": "sha512-{values.of(WORD + "+/", 86)}=="' for i in range(5)
    }
    texts |= {f"pip hash {i}": f"boto3==1.44 --hash=sha256:{values.of(HEX, 64)}" for i in range(5)}
    texts |= {
        f"version {i}": f"https://b.s3.amazonaws.com/k?versionId={values.of(WORD + '._', 32)}"
        for i in range(5)
    }
    texts |= {f"etag {i}": f'ETag: "{values.of(HEX, 32)}-12"' for i in range(5)}
    texts |= {
        f"next page {i}": f"{{'NextToken': '{values.of(WORD + '+/', 80)}=='}}" for i in range(5)
    }
    texts |= {
        f"request id {i}": (
            f"x-amz-request-id: {values.of(WORD, 16)} x-amz-id-2: {values.of(WORD + '+/', 75)}="
        )
        for i in range(5)
    }
    texts |= {f"prose {i}": text for i, text in enumerate(PROSE.splitlines())}
    texts["certificate"] = f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----"
    texts["public key"] = f"-----BEGIN PUBLIC KEY-----\n{certificate}\n-----END PUBLIC KEY-----"
    texts["picture in HTML"] = f'<img src="data:image/png;base64,{png}">'
    texts["documented URL"] = (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        f"&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={values.of(HEX, 64)}"
    )
    return texts


CLEAN = clean_texts()


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_no_secret_raises_no_alarm(name: str) -> None:
    text = CLEAN[name]
    assert not holds_secret(text), redact(text)
    for place in PLACES.values():
        assert find_secrets(place(text)) == []


def test_a_pipe_is_masked() -> None:
    command = [sys.executable, "-m", "gt_secure.secrets"]
    for text, code in (("epoch 1\n", 0), (MADE[0][1] + "\n", 2)):
        done = subprocess.run(command, input=text, capture_output=True, text=True, env=os.environ)
        assert (done.returncode, done.stdout) == (code, redact(text))


def test_there_are_enough_clean_texts() -> None:
    assert len(CLEAN) >= 100


def both(text: str, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """Return what is found without and with the pairs of letters of long texts."""
    found = []
    for least in (1 << 30, 0):
        monkeypatch.setattr(recogniser, "_LONG", least)
        found.append(find(text))
    return found


def test_a_long_text_is_searched_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (*vectors(), *CLEAN.values()):
        plain, long = both(text, monkeypatch)
        assert long == plain, text


def test_no_name_before_a_value_is_taken_for_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, values = random.Random(9), Values(9)
    names = [
        "token",
        "Secret",
        "SECRET_KEY",
        "secret access key",
        "signature",
        "x-amz-signature",
        "password",
        "api key",
    ]
    between = [
        " ",
        "  ",
        "=",
        ": ",
        '="',
        "_2=",
        " value=",
        " is ",
        "\n",
        "\t",
        ", ",
        "] = '",
        "│ ",
        " a=1>",
        " key: ",
    ]
    found = 0
    for _ in range(4000):
        parts = [
            chance.choice(choice) for choice in (["", "a ", "_", "--"], names, between, between)
        ]
        text = (
            "".join(parts)
            + values.make(chance.choice(["secret40", "word24", "hex64", "password"]))
            + " for it"
        )
        plain, long = both(text, monkeypatch)
        assert long == plain, text
        found += bool(plain)
    assert 500 < found < 3900


def test_without_numpy_a_long_text_is_searched_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr(recogniser, "table", cache(lambda: fresh))
    fresh = recogniser._Table(TABLE)
    assert fresh.pairs is None
    _, text, secrets = MADE[0]
    assert secrets[0] not in redact("lorem ipsum\n" * 9000 + text)


VALUES = Values(17)
SHAPES = {
    "installation token": f"ghs_1234567_{VALUES.make('jwt')}",
    "long installation token": (
        f"ghs_98765_eyJhbGciOiJSUzI1NiJ9.{VALUES.of(WORD, 340)}.{VALUES.of(WORD, 120)}"
    ),
    "refresh token": f"ghr_{VALUES.of(WORD, 76)}",
    **{f"token of {n} letters": f"ghu_{VALUES.of(WORD, n)}" for n in (37, 40, 100, 255)},
    "token with a checksum, longer": (
        "gho_" + (body := VALUES.of(WORD, 44)) + recogniser.checksum(body)
    ),
    "JSON Web Token behind a name": f"session_{VALUES.make('jwt')}",
}
AROUND = (
    "{}",
    "x = '{}'",
    "$ gh auth token\n{}\n",
    "pip install git+https://{}@github.com/a/b",
    '{{"a": "{}"}}',
    "({})",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_length_of_a_token_is_frozen(shape: str) -> None:
    for around in AROUND:
        masked = redact(around.format(SHAPES[shape]))
        assert SHAPES[shape][-20:] not in masked, around
        assert SHAPES[shape][12:32] not in masked, around


COMMANDS = {
    "docker login --username AWS -p {} 111122223333.dkr.ecr.eu-west-1.amazonaws.com": "secret400",
    "!docker login -u me -p '{}' registry.test": "word24",
    "podman login --password={} -u me registry.test": "password",
    "mysql -u root -p'{}' --host db": "password",
    "mysqldump --single-transaction -h db -p{} app > dump.sql": "password",
    "curl -u me:{} https://api.internal.test": "word24",
    'curl -X POST --user "me:{}" https://api.internal.test': "password",
    "# ~/.pgpass\ndb.internal:5432:*:app:{}\n": "password",
    "*:*:*:app:{}": "password",
    "AGE-SECRET-KEY-1{}": "bech58",
    "https://discordapp.com/api/v10/webhooks/123456789012345678/{}": "word68",
    "requests.post('https://api.telegram.org/bot123456789:{}/sendMessage')": "word35",
    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\nPrivate-MAC: 1f": "secret48",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_passwords_of_commands_and_hooks_are_masked(command: str) -> None:
    value = Values(23).make(COMMANDS[command])
    assert value[3:-3] not in redact(command.format(value))
    assert find_secrets(book(cell(source=command.format(value))))
