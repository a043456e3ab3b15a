"""Push a file with git-lfs, pull another that is in the bucket, and print what worked."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3

bucket, name = sys.argv[1:3]
folder = Path(tempfile.mkdtemp())
server = f"{os.environ['SERVER']}/org/repo"
env = {
    "PATH": f"{os.environ['GIT_LFS']}:/usr/bin:/bin",
    "HOME": str(folder),
    "GIT_TERMINAL_PROMPT": "0",
}
for key, value in {
    "user.name": "a", "user.email": "a@example.com", "lfs.url": server, "lfs.locksverify": "false",
    "lfs.transfer.maxretries": "1", "lfs.basictransfersonly": "true", "init.defaultBranch": "main",
    # Nothing binds git-lfs to an address. The sandbox also believes this header.
    "http.extraHeader": f"X-Gt-Secure-Sandbox-Source: {os.environ['SOURCE']}",
}.items():  # fmt: skip
    subprocess.run(["git", "config", "--global", key, value], env=env, check=True)


def git(*words):
    done = subprocess.run(
        ["git", *words], cwd=folder / "repo", env=env, capture_output=True, text=True, timeout=120
    )
    print(words, done.returncode, done.stderr[-600:], file=sys.stderr)
    return done.returncode == 0


theirs = f"pulled {name}".encode()
oid = hashlib.sha256(theirs).hexdigest()
boto3.client("s3").put_object(Bucket=bucket, Key=f"lfs/org/repo/{oid}", Body=theirs)
(folder / "repo").mkdir()
assert git("init", "-q")
assert git("lfs", "install", "--local", "--skip-repo")
(folder / "repo" / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
(folder / "repo" / "own.bin").write_bytes(f"pushed {name}".encode())
assert git("add", ".")
assert git("commit", "-qm", "own")
works = {
    "push": git(
        "lfs", "push", "--object-id", server, hashlib.sha256(f"pushed {name}".encode()).hexdigest()
    )
}
pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(theirs)}\n"
(folder / "pointer").write_text(pointer)
with (folder / "pointer").open("rb") as source:
    done = subprocess.run(
        ["git", "lfs", "smudge", "theirs.bin"],
        stdin=source,
        cwd=folder / "repo",
        env=env,
        capture_output=True,
    )
print("smudge", done.returncode, done.stderr[-600:], file=sys.stderr)
works["pull"] = done.returncode == 0 and done.stdout == theirs
print(json.dumps({"get": [], "works": works}))
