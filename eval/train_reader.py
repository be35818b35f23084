"""Train the reader: question-passage pairs -> rag/reader.safetensors.

    python -m eval.train_reader ../shared/data [--epochs 3]

The reader is the default embedding model, its layers trained further under a head that says, for each token, whether
the answer begins or ends there; the first token stands for "not in this passage" (Devlin et al., arXiv:1810.04805,
section 4.3). It learns from ../shared/data/train_reader.jsonl.gz and train_verifier.jsonl.gz alone, none of which
overlaps a set it is measured on.

The examples are what it will be shown later: a sentence or three around a promising one, not whole passages, which is
also three times as fast to learn. Unanswerable questions are rare there, so most are made: the sentences nearest to a
question that do not answer it (what retrieval will bring), the answer's own sentence taken out, a name, number or other
word of the question exchanged, and a question about something else with this passage's names. Claims with evidence that
supports or refutes them teach that one wrong word makes the difference.
"""

import argparse
import gzip
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nupunkt import sent_spans
from safetensors.torch import save_file
from tokenizers import Tokenizer

from index.lexical import content_words
from index.minilm import MiniLM, load_tokenizer
from index.processor import processor_dtype
from index.types import PassageInput
from rag.reader import MAX_TOKENS, WEIGHTS, ReaderNetwork

_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]+)(?:\s+[A-Z][\w’'-]+)*|\b\d[\d,.]*\d\b|\b\d\b")
_WORD = re.compile(r"(?<![\w-])[a-z]{4,}(?![\w-])")
_BATCH_TOKENS = 6400
_WIDTH_STEP = 16
_WINDOW_CHARS = 600
_RATE, _HEAD_RATE = 2e-4, 1e-3
_KEPT = {"PolicyQA": 1500, "TimeQA human train": 1200, "SelQA (sentence)": 6500}  # of a source; of the others all
_NEAREST = 12  # a sentence that does not answer is drawn from so many
_SAME = 0.85  # cosine above which two sentences say the same


@dataclass(frozen=True, slots=True)
class Example:
    """span: where the answer stands in the passage; (0, len(passage)) anywhere in it; None: it does not."""

    question: str
    passage: str
    span: tuple[int, int] | None


def read_rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def examples(folder: Path, seed: int = 7) -> list[Example]:
    """All examples, shuffled."""
    draw = random.Random(seed)  # noqa: S311  # a reproducible shuffle, nothing secret
    made: list[Example] = []
    pools: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(folder / "train_reader.jsonl.gz"):
        pools[row["source"]].append(row)
    spans: list[dict[str, Any]] = []
    for source, rows in pools.items():
        for row in draw.sample(rows, min(len(rows), _KEPT.get(source, len(rows)))):
            if not row["answerable"]:
                made += [Example(row["question"], row["passage"], None)] * (4 if source.startswith("SQuAD") else 1)
            elif row["start"] is None:
                made.append(Example(row["question"], row["passage"], (0, len(row["passage"]))))
            else:
                near = _around(row, draw)
                made.append(Example(near["question"], near["passage"], (near["start"], near["end"])))
                spans.append({**near, "whole": row["passage"]})
    claims = read_rows(folder / "train_verifier.jsonl.gz")
    short = [row for row in claims if len(row["evidence"]) < _WINDOW_CHARS]
    for row in draw.sample(short, min(9000, len(short))):
        supported = row["label"].startswith("SUPPORT")
        made.append(Example(row["claim"], row["evidence"], (0, len(row["evidence"])) if supported else None))
    answered = [e for e in made if e.span is not None and len(e.passage) < _WINDOW_CHARS]
    made += _nearest_without_answer(draw.sample(answered, min(12000, len(answered))), draw)
    made += _answer_removed(spans, draw, 3500)
    made += _name_exchanged(spans, draw, 6000)
    made += _word_exchanged(answered, draw, 4000)
    made += _foreign_question(spans, draw, 3000)
    draw.shuffle(made)
    return made


def _around(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with its passage cut to the answer's sentence and at times a neighbour on either side."""
    text, start = row["passage"], row["start"]
    sentences = list(sent_spans(text))
    at = next(i for i, (s, e) in enumerate(sentences) if s <= start < e)
    first, last = max(0, at - draw.choice((0, 1, 1))), min(len(sentences) - 1, at + draw.choice((0, 1, 1)))
    while last > at and sentences[last][1] - sentences[first][0] > _WINDOW_CHARS:
        last -= 1
    while first < at and sentences[last][1] - sentences[first][0] > _WINDOW_CHARS:
        first += 1
    begin, end = sentences[first][0], sentences[last][1]
    return {**row, "passage": text[begin:end], "start": start - begin, "end": min(row["end"], end) - begin}


def _nearest_without_answer(rows: Sequence[Example], draw: random.Random) -> Iterator[Example]:
    """One of the texts nearest to the question that neither holds its answer nor says the same as the one that does."""
    embedder = MiniLM()
    texts = list(dict.fromkeys(row.passage for row in rows))

    def vectors(some: Sequence[str]) -> np.ndarray:
        encoded = embedder.encode_passages([PassageInput(text, ((0, len(text)),)) for text in some])
        return np.stack([each.passage for each in encoded])

    shelf, place = vectors(texts), {text: i for i, text in enumerate(texts)}
    asked = vectors([row.question for row in rows])
    for at in range(0, len(rows), 512):
        part = rows[at : at + 512]
        cosines = asked[at : at + 512] @ shelf.T
        for row, near in zip(part, np.argsort(-cosines, axis=1)[:, : _NEAREST + 1], strict=True):
            assert row.span is not None
            gold = place[row.passage]
            answer = row.passage[slice(*row.span)].lower()
            others = [
                int(i)
                for i in near
                if i != gold and float(shelf[i] @ shelf[gold]) < _SAME and answer not in texts[i].lower()
            ]
            if others:
                yield Example(row.question, texts[draw.choice(others)], None)


def _answer_removed(rows: Sequence[dict[str, Any]], draw: random.Random, n: int) -> Iterator[Example]:
    for row in draw.sample(list(rows), min(n, len(rows))):
        text, answer = row["whole"], row["passage"][row["start"] : row["end"]].lower()
        kept = [text[s:e] for s, e in sent_spans(text) if answer not in text[s:e].lower()]
        if kept:
            begin = draw.randrange(max(1, len(kept) - 2))
            yield Example(row["question"], "".join(kept[begin : begin + 3])[:_WINDOW_CHARS], None)


def _name_exchanged(rows: Sequence[dict[str, Any]], draw: random.Random, n: int) -> Iterator[Example]:
    """A name or number of the question becomes another one of the same kind, from the passage or another question."""
    names = [name for row in rows for name in _NAME.findall(row["question"])]
    for row in draw.sample(list(rows), min(n, len(rows))):
        own = _NAME.findall(row["question"])
        if not own:
            continue
        old = draw.choice(own)
        here = [name for name in _NAME.findall(row["passage"]) if _swappable(old, name)]
        pool = here if here and draw.random() < 0.6 else draw.sample(names, min(40, len(names)))
        new = next((name for name in pool if _swappable(old, name) and name not in row["question"]), None)
        if new and new.lower() not in row["passage"][row["start"] : row["end"]].lower():
            yield Example(row["question"].replace(old, new), row["passage"], None)


def _swappable(old: str, new: str) -> bool:
    alike = old[0].isdigit() == new[0].isdigit() and len(old.split()) == len(new.split())
    return alike and old.lower() not in new.lower() and new.lower() not in old.lower()


def _word_exchanged(rows: Sequence[Example], draw: random.Random, n: int) -> Iterator[Example]:
    """A verb, noun or adjective becomes another one of the same ending: the right people, but no such event."""
    by_ending: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for word in _WORD.findall(row.question):
            if content_words(word):
                by_ending[word[-2:]].append(word)
    for row in draw.sample(list(rows), min(n, len(rows))):
        held = set(content_words(row.passage))
        own = [w for w in _WORD.findall(row.question) if set(content_words(w)) & held]
        if not own:
            continue
        old = draw.choice(own)
        pool = [new for new in draw.choices(by_ending[old[-2:]], k=8) if not set(content_words(new)) & held]
        if pool:
            yield Example(re.sub(rf"\b{old}\b", pool[0], row.question), row.passage, None)


def _foreign_question(rows: Sequence[dict[str, Any]], draw: random.Random, n: int) -> Iterator[Example]:
    """A question about something else, its names exchanged for those of this passage: right people, wrong matter."""
    pool = list(rows)
    for row in draw.sample(pool, min(n, len(pool))):
        asked = draw.choice(pool)["question"]
        here = [name for name in dict.fromkeys(_NAME.findall(row["passage"])) if not name[0].isdigit()]
        foreign = [name for name in _NAME.findall(asked) if not name[0].isdigit()]
        if asked == row["question"] or not here or not foreign:
            continue
        for name, new in zip(foreign, draw.sample(here, min(len(here), len(foreign))), strict=False):
            asked = asked.replace(name, new)
        yield Example(asked, row["passage"], None)


def batches(tokenizer: Tokenizer, made: Sequence[Example], draw: random.Random) -> list[dict[str, torch.Tensor]]:
    """Tensors by like length, in random order. target: (b, 2, t) with ones on the tokens that may be start or end."""
    rows = []
    for at in range(0, len(made), 1000):
        part = made[at : at + 1000]
        for example, encoded in zip(part, tokenizer.encode_batch([(e.question, e.passage) for e in part]), strict=True):
            ids, types, offsets = encoded.ids, encoded.type_ids, encoded.offsets
            target = np.zeros((2, len(ids)), dtype=np.float32)
            inside = [t for t, kind in enumerate(types) if kind == 1 and t < len(ids) - 1]
            if example.span == (0, len(example.passage)):
                target[:, inside] = 1
            elif example.span is not None:
                start, end = example.span
                within = [t for t in inside if offsets[t][0] < end and offsets[t][1] > start]
                if within:
                    target[0, within[0]] = target[1, within[-1]] = 1
            if not target.any():
                target[:, 0] = 1
            rows.append((ids, types, target))
    # Widths in steps of 16 and as many rows as fit: few shapes, so that torch can keep what it set up for each.
    groups: dict[int, list[list[int]]] = defaultdict(lambda: [[]])
    for i, (ids, _, _) in enumerate(rows):
        width = -(-len(ids) // _WIDTH_STEP) * _WIDTH_STEP
        if (len(groups[width][-1]) + 1) * width > _BATCH_TOKENS:
            groups[width].append([])
        groups[width][-1].append(i)
    shuffled = [(width, group) for width, some in groups.items() for group in some]
    draw.shuffle(shuffled)
    return [_tensors([rows[i] for i in group], width) for width, group in shuffled]


def _tensors(rows: Sequence[tuple[list[int], list[int], np.ndarray]], width: int) -> dict[str, torch.Tensor]:
    ids, types, mask = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
    target = torch.zeros(len(rows), 2, width)
    for i, (row_ids, row_types, row_target) in enumerate(rows):
        ids[i, : len(row_ids)] = torch.tensor(row_ids)
        types[i, : len(row_ids)] = torch.tensor(row_types)
        mask[i, : len(row_ids)] = 1
        target[i, :, : len(row_ids)] = torch.from_numpy(row_target)
    return {"ids": ids, "segments": types, "present": mask.bool(), "target": target}


def train(folder: Path, out: Path, epochs: int) -> None:
    torch.manual_seed(7)
    draw = random.Random(7)  # noqa: S311
    tokenizer = load_tokenizer(MAX_TOKENS)
    network = ReaderNetwork().train()
    learned = network.learned()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for parameter in learned.values():
        parameter.requires_grad_(True)
    made = examples(folder)
    print(f"{len(made)} examples, {sum(e.span is None for e in made)} unanswerable; "
          f"{sum(p.numel() for p in learned.values())} weights", flush=True)  # fmt: skip
    layers = [p for name, p in learned.items() if not name.startswith("head")]
    optimizer = torch.optim.AdamW(
        [{"params": layers, "lr": _RATE}, {"params": list(network.head.parameters()), "lr": _HEAD_RATE}],
        weight_decay=0.01,
        fused=True,
    )
    groups = [batch for _ in range(epochs) for batch in batches(tokenizer, made, draw)]
    warm = max(1, len(groups) // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / warm, max(0.02, (len(groups) - step) / max(1, len(groups) - warm)))
    )
    half = processor_dtype() == "bfloat16"
    started, running = time.perf_counter(), 0.0
    for step, batch in enumerate(groups, 1):
        target = batch.pop("target")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = network(**batch)
        chosen = torch.log_softmax(logits.float(), dim=2).masked_fill(target == 0, -1e9)
        loss = -torch.logsumexp(chosen, dim=2).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(learned.values()), 1.0)
        optimizer.step()
        schedule.step()
        running = 0.98 * running + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 25 == 0:
            print(f"{step}/{len(groups)} loss {running:.3f} {time.perf_counter() - started:.0f} s", flush=True)
        if step % 400 == 0 or step == len(groups):
            save_file({k: v.detach().half().contiguous() for k, v in learned.items()}, out)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--out", type=Path, default=WEIGHTS)
    arguments.add_argument("--epochs", type=int, default=3)
    given = arguments.parse_args()
    train(given.data, given.out, given.epochs)
