"""Make what the policy lab of the docs site loads: Python for the browser, and the engine of
gt_secure compiled for it.

    python tools/build_lab.py [--out build/lab]   # needs Node and npm; an unchanged part is not made again

The packages are fetched by npm from the index that it is configured for, in the versions below, and
their archives are compared with the digests below. That Python compiles the engine, starts, imports
it and answers the examples; the page loads its memory from then, because starting in the page takes
several times as long.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "docs" / "assets" / "lab"
LOGS = ("logs", "logs/engines", "logs/ingest", "logs/sql", "logs/storage")
ENGINE = ("engine", "engine/access", "engine/iam", "engine/policies", "base", "secrets")
"""The engine, and what the modules of the top level import; these are packed too."""


@dataclass(frozen=True)
class Package:
    """An archive of the npm index: what it must be, and which of its files are wanted."""

    name: str
    version: str
    integrity: str
    folder: str
    files: tuple[str, ...]


PACKAGES = (
    Package(
        "pyodide",
        "314.0.7",
        "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A==",
        "pyodide",
        (
            "pyodide.mjs",
            "pyodide.asm.mjs",
            "pyodide.asm.wasm",
            "python_stdlib.zip",
            "pyodide-lock.json",
        ),
    ),
    Package(
        "@duckdb/duckdb-wasm",
        "1.32.0",
        "sha512-IewXTNYEjsZCPE9weUWgtjGxUlMRo7qhX0GF6tq/KjK8bnY+RAl4cyUdYUfcdzbyb4b9ZxPC+FOsCcxgaKFWMg==",
        "duckdb",
        ("dist/duckdb-browser-blocking.mjs", "dist/duckdb-eh.wasm"),
    ),
    Package(
        "apache-arrow",
        "17.0.0",
        "sha512-X0p7auzdnGuhYMVKYINdQssS4EcKec9TCXyez/qtJt32DrIMGbzqiaMiQ0X6fQlQpw8Fl0Qygcv4dfRAr5Gu9Q==",
        "arrow",
        ("Arrow.es2015.min.js", "LICENSE.txt", "NOTICE.txt"),
    ),
)
ARROW = ("RecordBatchReader", "Table", "Type", "tableToIPC")
"""Names of apache-arrow that DuckDB uses."""
SCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
const [out, source, questions, mixer] = process.argv.slice(-4);
// Node would print the line of the error, which is all of Pyodide, and lose the error itself.
process.on("uncaughtException", (error) => {
  writeFileSync(2, String(error));
  process.exit(1);
});
const { loadPyodide } = await import(`file://${out}/pyodide/pyodide.mjs`);
const { mix } = await import(`file://${mixer}`);
const env = { HOME: "/home/pyodide", PYTHONHASHSEED: "0" };

// Takes what is free, from large pieces to small ones, and gives it back as zeros: what was there packs badly.
function wipe(python) {
  const end = python._sbrk(0);
  const pieces = [];
  for (let size = 2 ** 18; size >= 8; size /= 2) {
    for (;;) {
      const piece = python._malloc(size);
      pieces.push(piece);
      if (piece === 0 || piece + size > end) break; // new memory
      python.HEAPU8.fill(0, piece, piece + size);
    }
  }
  for (const piece of pieces) python._free(piece);
}

const compiler = await loadPyodide({ indexURL: `${out}/pyodide`, env });
compiler.unpackArchive(new Uint8Array(readFileSync(source)), "zip", { extractDir: "/source" });
compiler.FS.writeFile("/stdlib.zip", readFileSync(`${out}/pyodide/python_stdlib.zip`));
compiler.runPython(`
import ast, pathlib, types, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (ast.Module, ast.ClassDef, *FUNCTIONS)

def without_places(code):
    # The page shows the last line of an error only.
    consts = tuple(without_places(each) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_consts=consts, co_linetable=b"")

def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

def compiled(data, name, is_ours=False):
    tree = ast.parse(data)
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS):  # docstrings, and texts below a value
            node.body = [each for each in node.body if not is_text(each)] or [ast.Pass()]
        if is_ours and isinstance(node, FUNCTIONS):  # annotations: the engine reads none of a function
            node.returns = None
        if is_ours and isinstance(node, ast.arg):
            node.annotation = None
    code = compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True)
    return bytes(_code_to_hash_pyc(without_places(code), bytes(8), False))

def archived(archive, name, data):
    archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)

folder = pathlib.Path("/source")
with zipfile.ZipFile("/engine.zip", "w") as archive:
    for path in sorted(folder.rglob("*.*")):
        name, data = str(path.relative_to(folder)), path.read_bytes()
        if path.suffix == ".py" and path.name != "__init__.py":  # a face reads what it lists from its own source
            name, data = name + "c", compiled(data, name, True)
        archived(archive, name, data)
with zipfile.ZipFile("/stdlib.zip") as old, zipfile.ZipFile("/lean.zip", "w") as archive:
    for name in old.namelist():
        is_source = name.endswith(".py")
        archived(archive, name + "c" * is_source, compiled(old.read(name), name) if is_source else old.read(name))
`);
const engine = compiler.FS.readFile("/engine.zip");
writeFileSync(`${out}/engine.zip`, engine);
writeFileSync(`${out}/stdlib.zip`, compiler.FS.readFile("/lean.zip"));
const started = await loadPyodide({
  indexURL: `${out}/pyodide`, stdLibURL: `${out}/stdlib.zip`, env, _makeSnapshot: true });
started.unpackArchive(engine, "zip", { extractDir: "/engine" });
started.globals.set("questions", readFileSync(questions, "utf-8"));
const answers = JSON.parse(started.runPython(`
import gc, json, sys
sys.path.insert(0, "/engine")
import lab
answers = [json.loads(lab.ask(json.dumps(question))) for question in json.loads(questions)]
found = json.dumps({name: answer for name, answer in zip(lab._ASKED, answers)})
lab._exposure_of.cache_clear()
del questions, answers
gc.collect()
found
`));
started.runPython("del found");
wipe(started._module);
const program = readFileSync(`${out}/pyodide/pyodide.asm.wasm`);
const memory = mix(started.makeMemorySnapshot(), program);
const { info } = JSON.parse(readFileSync(`${out}/pyodide/pyodide-lock.json`, "utf-8"));
writeFileSync(`${out}/lock.json`, JSON.stringify({ info, packages: {}, memory: memory.length }));
const script = readFileSync(`${out}/pyodide/pyodide.asm.mjs`);
const packed = {
  "started.bin.gz": gzipSync(memory, { level: 9 }),
  "pyodide.asm.wasm.gz": gzipSync(program, { level: 9 }),
  "pyodide.asm.mjs.gz": gzipSync(script, { level: 9 }),
};
for (const [name, data] of Object.entries(packed)) writeFileSync(`${out}/${name}`, data);
const bytes = Object.values(packed).reduce((sum, each) => sum + each.length, 0);
writeFileSync(`${out}/example.json`, JSON.stringify({ bytes, answers }));
"""
"""Compiles engine and library without docstrings, and keeps the memory of a Python that has started
and answered.

The page goes on from there. The answers for its first example are kept, too: it shows them until
the engine is there.
"""

NOT_SERVED = (
    "engine.sha256",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
"""Files from which others are made: the page loads those."""


def fetch(package: Package, out: Path) -> None:
    """Fetch a package and keep the wanted files of it;
    nothing is done where they are there already.
    """
    folder = out / package.folder
    stamp = folder / "package.json"
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == json.loads(
        json.dumps(asdict(package))
    ):
        return
    with tempfile.TemporaryDirectory() as temporary:
        run("npm", "pack", "--silent", f"{package.name}@{package.version}", cwd=Path(temporary))
        [archive] = Path(temporary).glob("*.tgz")
        check(archive.read_bytes(), package)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tarfile.open(archive) as members:
            for name in package.files:
                found = members.extractfile(f"package/{name}")
                assert found is not None, name
                (folder / Path(name).name).write_bytes(found.read())
    stamp.write_text(json.dumps(asdict(package), indent=1) + "\n", encoding="utf-8")


def check(data: bytes, package: Package) -> None:
    """Refuse an archive that is not the pinned one."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != package.integrity:
        sys.exit(
            f"{package.name} {package.version} has the digest {found}, not {package.integrity}: do"
            " not use it."
        )


def join_duckdb(out: Path) -> None:
    """Let DuckDB's module find apache-arrow: a worker has no import map,
    and that package's one file is no module.
    """
    source = (out / "duckdb" / "duckdb-browser-blocking.mjs").read_text(encoding="utf-8")
    assert 'from"apache-arrow"' in source
    module = source.replace('from"apache-arrow"', 'from"./arrow.mjs"').partition(
        "//# sourceMappingURL"
    )[0]
    (out / "duckdb" / "duckdb.mjs").write_text(module, encoding="utf-8")
    arrow = (
        (out / "arrow" / "Arrow.es2015.min.js")
        .read_text(encoding="utf-8")
        .partition("//# sourceMappingURL")[0]
    )
    names = "".join(f"export const {name} = module.exports.{name};\n" for name in ARROW)
    text = (
        "const module = { exports: {} };\n((exports) =>"
        f" {{\n{arrow}\n}})(module.exports);\n{names}"
    )
    (out / "duckdb" / "arrow.mjs").write_text(text, encoding="utf-8")


def sources() -> dict[str, bytes]:
    """Return the files of the engine and of the lab by their names in the archive."""
    package = ROOT / "gt_secure"
    paths = [
        path
        for name in ("", *ENGINE, *LOGS)
        for path in (package / name).glob("*")
        if path.suffix in KEPT
    ]
    found = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(paths)}
    return {**found, **{name: (LAB / name).read_bytes() for name in ("lab.py", "log.py")}}


KEPT = {".py", ".json", ".css"}


def build_engine(out: Path) -> None:
    """Compile the engine and keep a started Python;
    nothing is done where their source is the same.
    """
    files = sources()
    asked = json.dumps([*questions(), {**questions()[0], "policy": "{"}])
    parts = [
        *(name.encode() + b"\0" + data for name, data in files.items()),
        asked.encode(),
        SCRIPT.encode(),
        (LAB / "memory.js").read_bytes(),
    ]
    digest = hashlib.sha256(b"\0".join([PACKAGES[0].integrity.encode(), *parts])).hexdigest()
    stamp = out / "engine.sha256"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with zipfile.ZipFile(folder / "source.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        (folder / "questions.json").write_text(asked, encoding="utf-8")
        (folder / "build.mjs").write_text(SCRIPT, encoding="utf-8")
        stamp.unlink(missing_ok=True)
        names = (str(folder / name) for name in ("source.zip", "questions.json"))
        run("node", "build.mjs", str(out), *names, str(LAB / "memory.js"), cwd=folder)
    stamp.write_text(digest, encoding="utf-8")


def questions() -> list[dict[str, str]]:
    """Return the questions of the page about its own examples."""
    mistakes = json.loads((LAB / "mistakes.json").read_text(encoding="utf-8"))
    found = [{**each, "policy": json.dumps(each["policy"], indent=2)} for each in mistakes]
    return [
        {**each, "ask": kind} for each in found for kind in ("proof", "answers", "picture", "guard")
    ]


def run(*command: str, cwd: Path) -> None:
    """Run a command that must succeed; its output is shown when it does not."""
    program = shutil.which(command[0])
    if program is None:
        sys.exit(f"{command[0]} is not installed: the policy lab is built with Node and npm.")
    done = subprocess.run([program, *command[1:]], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")


def build(out: Path) -> None:
    """Make everything in a folder."""
    for package in PACKAGES:
        fetch(package, out)
    join_duckdb(out)
    build_engine(out)


def main() -> int:
    """Build, and list the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "lab", help="folder of the result"
    )
    out = parser.parse_args().out.resolve()
    build(out)
    print(
        *(f"{path.stat().st_size:10} {path.relative_to(out)}" for path in sorted(out.rglob("*.*"))),
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
