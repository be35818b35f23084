"""Train the reader: question-passage pairs -> rag/reader.safetensors.

    python -m eval.train_reader ../shared/data [--epochs 2]

The reader is the default embedding model with low-rank changes to its linear layers (Hu et al., "LoRA",
arXiv:2106.09685) and one head that says, for each token, whether the answer begins or ends there; the first token
stands for "not in this passage" (Devlin et al., arXiv:1810.04805, section 4.3). Only the changes and the head are
stored. It learns from ../shared/data/train_reader.jsonl.gz and train_verifier.jsonl.gz alone, none of which overlaps a
set it is measured on.

The examples are what it will be shown later: a few sentences around a promising one, not whole passages, which is
also three times as fast to learn. Unanswerable questions are rare there, so most are made: another passage of the same
subject, the answer's sentence taken out, a name or number of the question exchanged, and a question about something
else with this passage's names.
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

from index.embed import processor_dtype
from rag.reader import MAX_TOKENS, RANK, WEIGHTS, ReaderNetwork, load_base

_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]+)(?:\s+[A-Z][\w’'-]+)*|\b\d[\d,.]*\d\b|\b\d\b")
_BATCH_TOKENS = 6400
_WIDTH_STEP = 16
_WINDOW_CHARS = 600
_RATE = 1.5e-3


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
    limits = {"PolicyQA": 1500, "ReQA SQuAD train (sentence)": 2500, "SelQA (sentence)": 4000}
    spans: list[dict[str, Any]] = []
    for source, rows in pools.items():
        kept = draw.sample(rows, min(len(rows), limits.get(source, len(rows))))
        for row in kept:
            if not row["answerable"]:
                made += [Example(row["question"], row["passage"], None)] * (4 if source.startswith("SQuAD") else 1)
            elif row["start"] is None:
                made.append(Example(row["question"], row["passage"], (0, len(row["passage"]))))
            else:
                near = _around(row, draw)
                made.append(Example(near["question"], near["passage"], (near["start"], near["end"])))
                spans.append({**near, "whole": row["passage"]})
    made += _other_passage(spans, draw, 4000)
    made += _answer_removed(spans, draw, 3000)
    made += _name_exchanged(spans, draw, 6000)
    made += _foreign_question(spans, draw, 4000)
    short = [row for row in read_rows(folder / "train_verifier.jsonl.gz") if len(row["evidence"]) < _WINDOW_CHARS]
    for row in draw.sample(short, min(4000, len(short))):
        supported = row["label"].startswith("SUPPORT")
        made.append(Example(row["claim"], row["evidence"], (0, len(row["evidence"])) if supported else None))
    draw.shuffle(made)
    return made


def _around(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with its passage cut to the answer's sentence and up to two neighbours on each side."""
    text, start = row["passage"], row["start"]
    sentences = list(sent_spans(text))
    at = next(i for i, (s, e) in enumerate(sentences) if s <= start < e)
    first, last = max(0, at - draw.randint(0, 2)), min(len(sentences) - 1, at + draw.randint(0, 2))
    while last > at and sentences[last][1] - sentences[first][0] > _WINDOW_CHARS:
        last -= 1
    while first < at and sentences[last][1] - sentences[first][0] > _WINDOW_CHARS:
        first += 1
    begin, end = sentences[first][0], sentences[last][1]
    return {**row, "passage": text[begin:end], "start": start - begin, "end": min(row["end"], end) - begin}


def _other_passage(rows: Sequence[dict[str, Any]], draw: random.Random, n: int) -> Iterator[Example]:
    """The rows are in the order of their articles: a neighbour a few passages away is about the same subject."""
    order: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["whole"] not in order[row["source"]][-1:]:
            order[row["source"]].append(row["whole"])
    place = {(source, text): i for source, texts in order.items() for i, text in enumerate(texts)}
    for row in draw.sample(list(rows), min(n, len(rows))):
        texts = order[row["source"]]
        at = place[row["source"], row["whole"]]
        other = texts[max(0, min(len(texts) - 1, at + draw.choice([-3, -2, -1, 1, 2, 3])))]
        if row["passage"][row["start"] : row["end"]].lower() not in other.lower():
            sentences = sent_spans(other)
            begin = draw.choice(sentences)[0]
            yield Example(row["question"], other[begin : begin + _WINDOW_CHARS * 2 // 3], None)


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
        pool = here if here and draw.random() < 0.6 else draw.sample(names, 40)
        new = next((name for name in pool if _swappable(old, name) and name not in row["question"]), None)
        if new and new.lower() not in row["passage"][row["start"] : row["end"]].lower():
            yield Example(row["question"].replace(old, new), row["passage"], None)


def _swappable(old: str, new: str) -> bool:
    alike = old[0].isdigit() == new[0].isdigit() and len(old.split()) == len(new.split())
    return alike and old.lower() not in new.lower() and new.lower() not in old.lower()


def _foreign_question(rows: Sequence[dict[str, Any]], draw: random.Random, n: int) -> Iterator[Example]:
    """A question about something else, its names exchanged for those of this passage: right people, wrong matter."""
    pool = list(rows)
    for row in draw.sample(pool, min(n, len(pool))):
        asked = draw.choice(pool)["question"]
        here = [name for name in dict.fromkeys(_NAME.findall(row["passage"])) if not name[0].isdigit()]
        foreign = [name for name in _NAME.findall(asked) if not name[0].isdigit()]
        if len(here) < 1 or not foreign:
            continue
        for name, new in zip(foreign, draw.sample(here, min(len(here), len(foreign))), strict=False):
            asked = asked.replace(name, new)
        yield Example(asked, row["passage"], None)


def batches(tokenizer: Any, made: Sequence[Example], draw: random.Random) -> list[dict[str, Any]]:
    """Tensors by like length, in random order. target: (b, 2, t) with ones on the tokens that may be start or end."""
    rows = []
    for at in range(0, len(made), 1000):
        part = made[at : at + 1000]
        encoded = tokenizer(
            [e.question for e in part],
            [e.passage for e in part],
            truncation="only_second",
            max_length=MAX_TOKENS,
            return_offsets_mapping=True,
        )
        for i, example in enumerate(part):
            ids, types = encoded["input_ids"][i], encoded["token_type_ids"][i]
            target = np.zeros((2, len(ids)), dtype=np.float32)
            inside = [t for t, kind in enumerate(types) if kind == 1 and t < len(ids) - 1]
            offsets = encoded["offset_mapping"][i]
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
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "target": target}


def train(folder: Path, out: Path, epochs: int) -> None:
    torch.manual_seed(7)
    draw = random.Random(7)  # noqa: S311
    tokenizer, base = load_base("eager")
    network = ReaderNetwork(base, rank=RANK)
    learned = [p for p in network.parameters() if p.requires_grad]
    made = examples(folder)
    print(f"{len(made)} examples, {sum(e.span is None for e in made)} unanswerable; "
          f"{sum(p.numel() for p in learned)} weights", flush=True)  # fmt: skip
    optimizer = torch.optim.AdamW(learned, lr=_RATE, weight_decay=0.01)
    groups = [batch for _ in range(epochs) for batch in batches(tokenizer, made, draw)]
    warm = len(groups) // 15
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / warm, max(0.02, (len(groups) - step) / (len(groups) - warm)))
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
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        running = 0.98 * running + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 25 == 0:
            print(f"{step}/{len(groups)} loss {running:.3f} {time.perf_counter() - started:.0f} s", flush=True)
        if step % 400 == 0 or step == len(groups):
            save_file({k: v.half().contiguous() for k, v in network.learned().items()}, out)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--out", type=Path, default=WEIGHTS)
    arguments.add_argument("--epochs", type=int, default=2)
    given = arguments.parse_args()
    train(given.data, given.out, given.epochs)
