"""A library of 200,000 passages on this machine: how fast it opens, searches and grows, and what the vectors lose.

The library is made once and kept in the user's cache: the corpus's own documents, new ones from sentences of two of
them, all embedded, and copies of these with words exchanged for others of the same length and their vectors moved.
"""

import hashlib
import json
import random
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean

import numpy as np
from platformdirs import user_cache_path

from eval import measures
from eval.bench.cold import run_python
from eval.bench.measure import Measurement, Result, Workload
from index import sync
from index.library import IndexedDocument, Library
from index.load import document_id
from index.types import Document, PassageVectors
from index.vectors import EXACT_UP_TO, VectorIndex
from rag import Assistant
from rag.parts import Parts

_PASSAGES = 200_000
_EMBEDDED = 20_000  # of them, by the model; the rest are copies of these
_NEW = 100  # documents that are added to the whole
_MOST = 300  # questions; the first ones of the file
_WARM_UP = 3
_EXCHANGED = 0.3  # of a copy's words
_MOVED = 0.6  # length of what is added to a unit vector: a copy's cosine with its original is about 0.86
_STORED_TOGETHER = 1000  # documents in one transaction
_NEAREST = 10
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_RECIPE = "1"  # libraries made by other rules are made again
_SEARCH = "from eval.bench.scale import search_and_report; search_and_report()"


def measure_scale(
    workload: Workload,
    passages: int = _PASSAGES,
    embedded: int = _EMBEDDED,
    new: int = _NEW,
    exact_up_to: int = EXACT_UP_TO,
) -> Result:
    """Search, opening and memory in a fresh process; then `new` documents are added, and removed again."""
    folder = _kept(workload, passages, embedded, exact_up_to)
    questions = [question.question for question in workload.questions[:_MOST]]
    found = json.loads(run_python(["-c", _SEARCH], json.dumps({"library": str(folder), "questions": questions}))[1])
    load_embedder = Parts(workload.assistant.settings).embedder
    with closing(Library.open(folder)) as library:
        counts = library.counts()
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        index = sync.current(library)
        recall = _recall(library, index, [load_embedder().encode_query(question) for question in questions])
        added = list(islice(_recombined(workload.documents, seed=2), new))
        sync.remove(library, {document.doc_id for document in added} & library.document_ids())  # of a run cut off
        adding = sync.add(library, load_embedder, added).seconds
        sync.remove(library, {document.doc_id for document in added})
    return Result(
        name="scale",
        workload=workload.name,
        measurements=(
            Measurement(
                "sayso",
                {
                    "p50 ms": (measures.percentile(found["seconds"], 50) or 0.0) * 1000,
                    "p95 ms": (measures.percentile(found["seconds"], 95) or 0.0) * 1000,
                    "recall@10 %": 100 * recall,
                    "open s": found["opened"],
                    "first s": found["first"],
                    f"add {new} s": adding,
                    "memory MB": found["memory"],
                },
                tuple(found["seconds"]),
            ),
        ),
        notes=(
            f"{counts[1]} passages of {counts[0]} documents, {size / 1e6:.0f} MB, in {str(folder)!r}",
            f"{len(questions)} questions to search(), warm, in a fresh process; its memory at most",
            f"recall of the vector index against comparing all; by its own measure {100 * index.recall:.1f} %",
            "open: until the library can be searched; first: until it has been, the model being loaded too",
            f"add: {new} new documents embedded, stored and published",
        ),
    )


def search_and_report() -> None:
    """In a fresh process: JSON with a library and questions on stdin, what was measured on stdout. Needs /proc."""
    told = json.load(sys.stdin)
    questions = told["questions"]
    started = time.perf_counter()
    with closing(Library.open(Path(told["library"]))) as library:
        sync.current(library)
        opened = time.perf_counter() - started
    started = time.perf_counter()
    with Assistant.open(told["library"]) as assistant:
        assistant.search(questions[0])
        first = time.perf_counter() - started
        for question in questions[:_WARM_UP]:
            assistant.search(question)
        seconds = []
        for question in questions:
            started = time.perf_counter()
            assistant.search(question)
            seconds.append(time.perf_counter() - started)
    # Not ru_maxrss: it counts the process that started this one, too.
    highest = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    memory = int(highest[1]) / 1000 if highest else 0.0
    print(json.dumps({"opened": opened, "first": first, "seconds": seconds, "memory": memory}))


def _recall(library: Library, index: VectorIndex, queries: Sequence[np.ndarray]) -> float:
    """Of each query's ten nearest vectors, the share that the index finds."""
    ids, vectors, _ = library.vectors()
    shares = []
    for query in queries:
        scores = vectors @ query
        nearest = ids[np.argpartition(-scores, _NEAREST)[:_NEAREST]]
        shares.append(len(index.search(query, _NEAREST).keys() & set(nearest.tolist())) / _NEAREST)
    return mean(shares)


def _kept(workload: Workload, passages: int, embedded: int, exact_up_to: int) -> Path:
    """The library in the user's cache, made when it is not there; its name says what it was made from."""
    spec = workload.assistant.spec
    assert spec is not None, "a workload has documents"
    named = [
        _RECIPE,
        str(passages),
        str(embedded),
        spec.fingerprint,
        spec.recipe,
        *(d.doc_id for d in workload.documents),
    ]
    digest = hashlib.sha256("\0".join(named).encode()).hexdigest()
    folder = user_cache_path("sayso") / "eval" / f"{digest}.scale.library"
    if not folder.exists():
        draft = folder.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        _make(draft, workload, passages, embedded, exact_up_to)
        draft.rename(folder)
    return folder


def _make(folder: Path, workload: Workload, passages: int, embedded: int, exact_up_to: int) -> None:
    with closing(Library.open(folder)) as library:
        embedder = Parts(workload.assistant.settings).embedder
        sync.add(library, embedder, workload.documents)
        new = _recombined(workload.documents, seed=0)
        while (held := library.counts()[1]) < embedded:
            sync.add(library, embedder, islice(new, embedded - held))
        copies = _copies(library, seed=1)
        with library.writer():
            while held < passages:
                together = list(islice(copies, _STORED_TOGETHER))
                library.put(together)
                held += sum(len(entry.passages) for entry in together)
            sync.publish(library, exact_up_to)


def _recombined(documents: Sequence[Document], seed: int) -> Iterator[Document]:
    """Without end: paragraphs of four sentences, two that follow each other from each of two documents."""
    chance = random.Random(seed)  # noqa: S311  # the same library every time
    parts = [(document.title, _SENTENCE_END.split(document.text)) for document in documents]
    while True:
        (title, one), (_, other) = chance.choice(parts), chance.choice(parts)
        at, after = chance.randrange(len(one)), chance.randrange(len(other))
        text = " ".join([*one[at : at + 2], *other[after : after + 2]])
        yield Document(document_id(text), title, text)


def _copies(library: Library, seed: int) -> Iterator[IndexedDocument]:
    """Without end: each document of the library again and again, every time with other words exchanged and other
    vectors. The words it gets are as long as those it had, so its sentences stay where they are."""
    chance, moves = random.Random(seed), np.random.default_rng(seed)  # noqa: S311  # the same library every time
    originals = library.documents()
    words: dict[int, list[str]] = defaultdict(list)
    for document in originals:
        for word in re.findall(r"[a-z]+", document.text):
            words[len(word)].append(word)

    def exchanged(found: re.Match[str]) -> str:
        return chance.choice(words[len(found[0])]) if chance.random() < _EXCHANGED else found[0]

    made = set()
    while True:
        for original in originals:
            text = re.sub(r"[a-z]+", exchanged, original.text)
            doc_id = document_id(text)
            if doc_id in made:
                continue
            made.add(doc_id)
            document = replace(original, doc_id=doc_id, text=text, paths=())
            records = library.passages(library.passage_ids([original.doc_id]))
            passages = tuple(
                (
                    replace(record.passage, doc_id=doc_id),
                    tuple(replace(sentence, doc_id=doc_id) for sentence in record.sentences),
                    PassageVectors(*(_moved(v, moves) for v in (record.vector, record.sentence_vectors))),
                )
                for record in records
            )
            sentences = tuple(replace(sentence, doc_id=doc_id) for sentence in library.sentences(original.doc_id))
            yield IndexedDocument(document, sentences, passages, ())


def _moved(vectors: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """(d,) or (n, d), of unit length before and after."""
    by = chance.standard_normal(vectors.shape, dtype=np.float32)
    changed = vectors + _MOVED * by / np.linalg.norm(by, axis=-1, keepdims=True)
    return np.asarray(changed / np.linalg.norm(changed, axis=-1, keepdims=True), dtype=np.float32)
