"""Many who ask the served chat at once, each with Gradio's own client: what is lost, what is mixed up, and memory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import eval as package
from eval import measures
from eval.bench.measure import Measurement, Result, Workload
from index.errors import SaysoError

if TYPE_CHECKING:
    from gradio_client import Client

CLIENTS = 20
QUESTIONS = 200
_PATIENCE_S = 60.0  # for the server to take a question; five seconds, the clients' own, are little on a busy machine


def measure_chatting(workload: Workload) -> Result:
    """Serve the workload's library in a process of its own, and ask it everything at once."""
    with served(workload.assistant.path) as (url, process):
        asked = [question.question for question in workload.questions]
        ask_together(url, asked[:2], clients=2)  # the first answer loads the models
        before = resident_mb(process)
        questions = [f"{asked[n % len(asked)]} ({n})" for n in range(QUESTIONS)]
        started = time.perf_counter()
        answers = ask_together(url, questions, clients=CLIENTS)
        seconds = time.perf_counter() - started
        after = resident_mb(process)
    lost = sum(answer is None for answer, _ in answers)
    mixed = sum(
        answer is not None and answer["question"] != question
        for question, (answer, _) in zip(questions, answers, strict=True)
    )
    took = [s for answer, s in answers if answer is not None]
    figures = {
        "asked": float(len(questions)),
        "lost": float(lost),
        "mixed up": float(mixed),
        "p50 s": measures.percentile(took, 50) or 0.0,
        "p95 s": measures.percentile(took, 95) or 0.0,
        "answers/s": (len(questions) - lost) / seconds,
        "MB before": before,
        "MB after": after,
    }
    return Result(
        name="chat",
        workload=workload.name,
        measurements=(Measurement("sayso chat", figures, tuple(took)),),
        notes=(
            f"{QUESTIONS} questions at once from {CLIENTS} gradio_client clients in threads of one other process",
            "each question is its own, and each answer must name it; MB: resident memory of the server",
        ),
    )


def gradios_client(url: str) -> "Client":
    """Gradio's own client of the chat at the address, which tells its makers nothing of it."""
    from gradio_client import Client

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # without it the argument alone is not heard
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": _PATIENCE_S})


def ask_together(url: str, questions: Sequence[str], *, clients: int) -> list[tuple[dict[str, Any] | None, float]]:
    """All questions sent before any answer is waited for, shared among the clients.

    For each its answer, None where there was none, and the seconds from asking to answer.
    """
    with ThreadPoolExecutor(clients) as threads:
        opened = list(threads.map(lambda _: gradios_client(url), range(clients)))
        taken: list[float] = [0.0] * len(questions)
        jobs = []
        for number, question in enumerate(questions):
            started = time.perf_counter()
            job = opened[number % clients].submit(question, api_name="/ask")
            job.future.add_done_callback(
                lambda _, number=number, started=started: taken.__setitem__(number, time.perf_counter() - started)
            )
            jobs.append(job)
        answers: list[dict[str, Any] | None] = []
        for job in jobs:
            try:
                answers.append(job.result(timeout=600))
            except Exception:  # whatever went wrong, this one has no answer, and that is what is counted
                answers.append(None)
        for client in opened:
            client.close()
    return list(zip(answers, taken, strict=True))


@contextmanager
def served(library: Path) -> Iterator[tuple[str, int]]:
    """`sayso chat` for the library on a free port: its address and its process. Raises SaysoError where it fails."""
    command = [sys.executable, "-m", "ui.cli", "chat", "--port", "0", "--library", str(library)]
    root = str(Path(package.__file__).parents[1])  # so that a checkout that is not installed is found as well
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    hidden = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(  # noqa: S603  # this Python, these arguments, no shell
        command, stderr=subprocess.PIPE, text=True, env={**hidden, "PYTHONPATH": path}
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        if not line.startswith("sayso chat: http"):
            raise SaysoError(f"sayso chat did not start: {line.strip() or 'nothing on stderr'}")
        yield line.split()[2], process.pid
    finally:
        process.terminate()
        process.communicate(timeout=60)


def resident_mb(process: int) -> float:
    """Memory of a process that is in use, from /proc; 0.0 where there is none."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
