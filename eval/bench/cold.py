"""Seconds from starting `sayso ask` to its answer, in a fresh process with an indexed library."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import eval as package
from eval.bench.measure import Measurement, Result, Workload
from index.errors import SaysoError

_RUNS = 3


def measure_cold(workload: Workload) -> Result:
    question = workload.questions[0].question
    library = str(workload.assistant.path)
    ours = [run_python(["-m", "ui.cli", "ask", question, "--library", library])[0] for _ in range(_RUNS)]
    models = [run_python(["-c", "import sentence_transformers"])[0] for _ in range(_RUNS)]
    bare = [run_python(["-c", "import torch"])[0] for _ in range(_RUNS)]
    return Result(
        name="cold",
        workload=workload.name,
        measurements=(
            _measurement("sayso ask", ours),
            _measurement("import sentence_transformers alone", models),
            _measurement("import torch alone", bare),
        ),
        notes=(
            f"a new process each of {_RUNS} times; the files are in the system's cache after the first",
            f"asked: {question}",
        ),
    )


def run_python(arguments: Sequence[str], told: str = "") -> tuple[float, str]:
    """Wall seconds of a Python process that reads `told`, and what it printed.

    Raises SaysoError with the last line it wrote when it fails.
    """
    root = str(Path(package.__file__).parents[1])  # so that a checkout that is not installed is found as well
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # this Python, these arguments, no shell
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        input=told,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise SaysoError(f"python {' '.join(arguments)!r} exited with {done.returncode}: {last}")
    return seconds, done.stdout


def _measurement(system: str, samples: Sequence[float]) -> Measurement:
    return Measurement(system, {"median s": median(samples), "slowest s": max(samples)}, tuple(samples))
