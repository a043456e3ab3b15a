"""Fuzz what reads bytes from outside, guided by coverage (atheris), one target after the other.

    cd tests
    python -m support.fuzzing                    every target, ten minutes in all
    python -m support.fuzzing lines url --seconds 3600

Findings are written to out/fuzz/found: one input for each place that raised. What has been reached
so far is kept in out/fuzz/corpus, and is where the next run starts.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "out" / "fuzz"
_LANDMARKS = 2048
_NUMBERS, _COVERED = re.compile(r"number_of_executed_units: (\d+)"), re.compile(r"cov: (\d+)")


def _landmarks(atheris: object) -> Callable[[object], None]:
    """Branches for states that are reached outside Python:
    the fuzzer keeps an input that gets to a new one.
    """
    made: list[Callable[[], None]] = []
    for i in range(_LANDMARKS):
        scope: dict[str, Callable[[], None]] = {}
        exec(f"def place_{i}():\n    return None", scope)
        made.append(atheris.instrument_func(scope[f"place_{i}"]))  # type: ignore[attr-defined]
    return lambda state: made[
        int.from_bytes(hashlib.blake2b(repr(state).encode(), digest_size=4).digest()) % _LANDMARKS
    ]()


def _one(name: str, seconds: int) -> None:
    """Run one target in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["gt_secure"], enable_loader_override=False):
        from support.fuzzing import input_targets
    from support.fuzzing import target as base
    from support.fuzzing.mutation import mutate

    base.reached[0] = _landmarks(atheris)
    chosen = next(one for one in input_targets.TARGETS if one.name == name)
    seeds = list(chosen.seeds())
    corpus, found = OUT / "corpus" / name, OUT / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:20]).write_bytes(seed)
    places: dict[str, int] = {}

    def once(data: bytes) -> None:
        begun = time.process_time()
        try:
            chosen.run(data)
            took = time.process_time() - begun
            if took > base.SLOW_S:
                raise AssertionError(f"slow: {took:.1f} s")
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in frames if "gt_secure" in frame.filename] or frames[-1:]
            place = (
                f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}:"
                f" {str(error)[:50]}"
            )
            if isinstance(error, AssertionError):
                place = str(error).partition(":")[0]
            places[place] = places.get(place, 0) + 1
            if places[place] == 1:
                stem = found / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
                stem.write_bytes(data)
                stem.with_suffix(".txt").write_text(
                    "".join(traceback.format_exception(error))[-8000:], encoding="utf-8"
                )
                print(f"FOUND {name}: {place} ({stem.name})", flush=True)

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.25:
            return atheris.Mutate(data, most)
        return mutate(data, rng, chosen.words, seeds, most)

    words = OUT / f"{name}.dict"
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in chosen.words if word)
    words.write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
    options = [f"-max_total_time={seconds}", f"-timeout={base.SLOW_S * 12:.0f}", f"-dict={words}", "-max_len=20000",
    "-rss_limit_mb=4000",
               f"-artifact_prefix={found}/{name}-", "-print_final_stats=1", str(corpus)]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], once, custom_mutator=change)
    atheris.Fuzz()


def main() -> int:
    """Run the targets, each in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", help="names; all, if none is given")
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        _one(args.targets[0], args.seconds)
        return 0
    from support.fuzzing import input_targets

    known = {one.name: one for one in input_targets.TARGETS}
    wanted = args.targets or list(known)
    if strange := [name for name in wanted if name not in known]:
        parser.error(f"there is no target {strange[0]}; there are: {', '.join(known)}")
    OUT.mkdir(parents=True, exist_ok=True)
    before = set((OUT / "found").glob("*"))
    total = sum(known[name].share for name in wanted)
    for name in wanted:
        seconds = max(1, args.seconds * known[name].share // total)
        print(f"{name}: {seconds} s", flush=True)
        with (OUT / f"{name}.log").open("w", encoding="utf-8") as log:
            command = [
                sys.executable,
                "-m",
                "support.fuzzing",
                name,
                "--seconds",
                str(seconds),
                "--one",
            ]
            done = subprocess.run(
                command, cwd=ROOT / "tests", stdout=subprocess.PIPE, stderr=log, text=True
            )
        said = (OUT / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        runs, reached = _NUMBERS.search(said), _COVERED.findall(said)
        print(
            f"{done.stdout}  {runs[1] if runs else '?'} runs, {reached[-1] if reached else '?'}"
            " branches",
            flush=True,
        )
        if done.returncode:
            print(f"  It ended with {done.returncode}: see {OUT / name}.log", flush=True)
    fresh = sorted(set((OUT / "found").glob("*")) - before)
    print(f"{len(fresh)} files in {OUT / 'found'} are new." if fresh else "Nothing was found.")
    return 1 if fresh else 0


if __name__ == "__main__":
    sys.exit(main())
