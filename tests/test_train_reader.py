"""What the reader is trained on, how it is put into tensors, and one real training run over a few made rows."""

import gzip
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import rag.reader
from eval.train_reader import Example, batches, examples, read_rows, train
from index.minilm import load_tokenizer
from rag.reader import MAX_TOKENS, Reader, ReaderNetwork


@dataclass(frozen=True, slots=True)
class Topic:
    """A question with a gap for its one name, and a passage that answers it."""

    form: str
    name: str
    answer: str
    sentences: tuple[str, ...]

    @property
    def question(self) -> str:
        return self.form.format(self.name)

    @property
    def passage(self) -> str:
        return " ".join(self.sentences)

    @property
    def row(self) -> dict[str, Any]:
        start = self.passage.index(self.answer)
        end = start + len(self.answer)
        return row(self.question, self.passage, start=start, end=end, source="SQuAD 1.1 train")

    def name_in(self, question: str) -> str | None:
        """The name in the gap, where the question is this one but for its name."""
        found = re.fullmatch(re.escape(self.form).replace(r"\{\}", "(.+)"), question)
        return found and found[1]


def row(question: str, passage: str, **others: object) -> dict[str, Any]:
    """A row of train_reader.jsonl.gz; unless others say so, one that the whole passage answers."""
    return {"question": question, "passage": passage, "start": None, "end": None, "answerable": True} | others


def written(folder: Path, reader: Sequence[dict[str, Any]], claims: Sequence[tuple[str, str, str]]) -> Path:
    """The folder, with both files in it. claims: (claim, label, evidence)."""
    verifier = [{"claim": claim, "label": label, "evidence": evidence} for claim, label, evidence in claims]
    for name, rows in (("train_reader", reader), ("train_verifier", verifier)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(each) + "\n" for each in rows)
    return folder


FERRY = Topic(
    "Who built the ferry {}?",
    "Neptun",
    "Marta Kowalska",
    (
        "In Gdansk lay the ferry Neptun.",
        "It was built there by Marta Kowalska.",
        "A fire sank it off Bornholm in 1931.",
        "The crew was saved.",
    ),
)
BRIDGE = Topic(
    "When did the bridge {} open?",
    "Lions Gate",
    "1938",
    (
        "A brewer paid for the bridge Lions Gate in Vancouver.",
        "Work on it took one year.",
        "The bridge opened in 1938.",
        "Its toll was lifted by Earl Grey in 1963.",
    ),
)
BAKER = Topic(
    "What did the baker {} sell?",
    "Agnes Holm",
    "rye bread",
    (
        "The baker Agnes Holm sold rye bread.",
        "Her shop stood in Odense.",
        "On Sundays it was closed.",
        "Her son Peter Holm took it over.",
    ),
)
MILL = Topic(
    "Which mill stopped in {}?",
    "1912",
    "the mill at Velling",
    (
        "Once there were nine mills on the coast.",
        "In 1912 the mill at Velling stopped.",
        "Wind was no longer cheap.",
        "By 1950 all of them stood still.",
    ),
)
POLL = Topic(
    "What did the poll of {} find?",
    "2004",
    "most wanted a park",
    (
        "The town asked its people twice.",
        "The first poll, of 1999, found nothing clear.",
        "The poll of 2004 found that most wanted a park.",
        "A park was made in 2007.",
    ),
)
RIVER = Topic(  # its answer stands in two sentences
    "Where does the river {} rise?",
    "Tavy",
    "Dartmoor",
    (
        "The river Tavy rises on Dartmoor.",
        "It falls fast to Tavistock.",
        "Salmon climb it in the autumn.",
        "Below Denham it meets the sea.",
        "The rain of Dartmoor feeds it.",
    ),
)
SCHOOL = Topic(
    "Why was the school in {} closed?",
    "Ribe",
    "because the roof leaked",
    (
        "Ninety children went to the school in Ribe.",
        "Lena Krog was its head.",
        "It was closed because the roof leaked.",
        "The children now go to Esbjerg.",
    ),
)
TUNNEL = Topic(  # the sentences on both sides are longer than what is shown to the reader
    "How long is the tunnel {}?",
    "Gotthard",
    "fifteen kilometres",
    (
        "Snow lay on the pass " + "and on the road " * 40 + "until the spring.",
        "The tunnel Gotthard is fifteen kilometres long.",
        "Men dug it " + "day after day " * 45 + "for ten years.",
        "Louis Favre led them.",
    ),
)
TUNNEL_TOO = Topic("What is {} long?", "fifteen kilometres", "The tunnel Gotthard", TUNNEL.sentences)
TOPICS = (FERRY, BRIDGE, BAKER, MILL, POLL, RIVER, SCHOOL, TUNNEL)

WHOLE = {
    "What do bees do in winter?": "In winter bees sit close together and shake to keep warm.",
    "Why is the sea salty?": "Rivers wash salt out of the rocks and carry it to the sea.",
}
UNANSWERED_SQUAD = row("Who painted the ferry Neptun?", FERRY.passage, answerable=False, source="SQuAD 2.0 train")
UNANSWERED_SELQA = row("Who was the tallest king?", "Kings wore crowns.", answerable=False, source="SelQA (sentence)")

SUPPORTED = [
    ("The lighthouse of Skagen is white.", "SUPPORTS", "At Skagen stands a white lighthouse."),
    ("Copper carries current well.", "SUPPORT", "Copper is a good conductor of electricity."),
    ("A printer lived in Mainz.", "SUPPORTS", "Gutenberg printed his books in Mainz."),
    ("Oats were sowed in April.", "SUPPORTS", "The farmers sowed oats in April and barley in May."),
    ("Statins lowered cholesterol.", "SUPPORT", "In a year of statins cholesterol was lowered by a third."),
    ("The painter Vermeer lived in Delft.", "SUPPORTS", "Vermeer was born in Delft and died there."),
]
NOT_SUPPORTED = [
    ("The lighthouse of Skagen is red.", "REFUTES", "At Skagen stands a white lighthouse."),
    ("Copper blocks current.", "CONTRADICT", "Copper is a good conductor of electricity."),
    ("Gutenberg lived in Rome.", "REFUTES", "Gutenberg printed his books in Mainz."),
    ("Oats were sowed in July.", "REFUTES", "The farmers sowed oats in April and barley in May."),
    ("Statins raised cholesterol.", "CONTRADICT", "In a year of statins cholesterol was lowered by a third."),
]
TOO_LONG = ("The road was empty.", "SUPPORTS", "The road was empty. " * 30)  # 600 characters


@pytest.fixture(scope="module", autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Training sets torch's seed, and on busy cores threads that wait for each other make it many times slower:
    the tests after these find torch's random numbers and threads as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen questions and a dozen claims."""
    whole = [row(question, passage, source="ReQA SQuAD train (sentence)") for question, passage in WHOLE.items()]
    return written(
        tmp_path_factory.mktemp("data"),
        [*(topic.row for topic in (*TOPICS, TUNNEL_TOO)), *whole, UNANSWERED_SQUAD, UNANSWERED_SELQA],
        [*SUPPORTED, *NOT_SUPPORTED, TOO_LONG],
    )


@pytest.fixture(scope="module")
def made(data: Path) -> list[Example]:
    return examples(data)


def of_question(made: Sequence[Example], question: str) -> list[Example]:
    return [example for example in made if example.question == question]


def on_passage(made: Sequence[Example], topic: Topic) -> list[Example]:
    """The examples whose text is cut out of the topic's passage."""
    return [example for example in made if example.passage in topic.passage]


# -- rows and examples -------------------------------------------------------------------------------------------------


def test_rows_are_read_in_order_with_every_character(tmp_path: Path) -> None:
    """A line separator inside a string does not end the row."""
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress('{"question": "Wer\u2028grüßt?", "start": 3}\n{"start": null}\n'.encode()))
    assert read_rows(file) == [{"question": "Wer\u2028grüßt?", "start": 3}, {"start": None}]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_span_of_an_example_is_the_answer(made: list[Example], topic: Topic) -> None:
    """Its offsets count in the text that was cut out, not in the passage of the row."""
    [cut] = [e.passage[slice(*e.span)] for e in of_question(made, topic.question) if e.span]
    assert cut == topic.answer


def test_an_example_shows_the_answers_sentence_and_at_most_one_on_either_side(made: list[Example]) -> None:
    """The answer is in the second sentence of four, with what follows it up to the next one."""
    [answered] = [example for example in of_question(made, FERRY.question) if example.span]
    before, own, after, _ = (sentence + " " for sentence in FERRY.sentences)
    assert answered.passage in {own, before + own, own + after, before + own + after}


@pytest.mark.parametrize(("topic", "span"), [(TUNNEL, (23, 41)), (TUNNEL_TOO, (0, 19))], ids=["how long", "what"])
def test_a_neighbour_that_makes_an_example_too_long_is_left_out(
    made: list[Example], topic: Topic, span: tuple[int, int]
) -> None:
    """The sentences around this one have more than 600 characters each."""
    [answered] = [example for example in of_question(made, topic.question) if example.span]
    assert answered == Example(topic.question, "The tunnel Gotthard is fifteen kilometres long. ", span)


@pytest.mark.parametrize("question", WHOLE)
def test_a_passage_that_answers_as_a_whole_is_the_span(made: list[Example], question: str) -> None:
    """From its first character to its last."""
    [answered] = [example for example in of_question(made, question) if example.span]
    assert answered == Example(question, WHOLE[question], (0, len(WHOLE[question])))


@pytest.mark.parametrize(("unanswered", "times"), [(UNANSWERED_SQUAD, 4), (UNANSWERED_SELQA, 1)])
def test_an_unanswerable_row_has_no_span(made: list[Example], unanswered: dict[str, Any], times: int) -> None:
    """Those of SQuAD, which people wrote to mislead, come four times; the passage stays whole."""
    example = Example(unanswered["question"], unanswered["passage"], None)
    assert of_question(made, example.question) == [example] * times


@pytest.mark.parametrize(("claim", "label", "evidence"), SUPPORTED)
def test_a_supported_claim_is_answered_by_its_evidence(
    made: list[Example], claim: str, label: str, evidence: str
) -> None:
    """By all of it. Sets say SUPPORTS or SUPPORT."""
    assert [e for e in of_question(made, claim) if e.span] == [Example(claim, evidence, (0, len(evidence)))]


@pytest.mark.parametrize(("claim", "label", "evidence"), NOT_SUPPORTED)
def test_a_refuted_claim_has_no_answer_in_its_evidence(
    made: list[Example], claim: str, label: str, evidence: str
) -> None:
    """Sets say REFUTES or CONTRADICT."""
    assert of_question(made, claim) == [Example(claim, evidence, None)]


def test_a_claim_with_evidence_as_long_as_a_window_is_left_out(made: list[Example]) -> None:
    """Nothing is made of it: its words are in no example."""
    assert not [example for example in made if "road was empty" in example.question + example.passage]


def test_the_same_seed_gives_the_same_examples(data: Path, made: list[Example]) -> None:
    """In the same order, too."""
    assert examples(data, seed=7) == made


# -- examples without an answer, made from those with one --------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "left"),
    [
        (FERRY, "In Gdansk lay the ferry Neptun. A fire sank it off Bornholm in 1931. The crew was saved."),
        (BAKER, "Her shop stood in Odense. On Sundays it was closed. Her son Peter Holm took it over."),
        (RIVER, "It falls fast to Tavistock. Salmon climb it in the autumn. Below Denham it meets the sea. "),
    ],
    ids=lambda value: value.name if isinstance(value, Topic) else "",
)
def test_the_sentences_that_hold_the_answer_are_taken_out(made: list[Example], topic: Topic, left: str) -> None:
    """What is left of the passage does not answer; the river's answer stands in its first and its last sentence."""
    assert Example(topic.question, left, None) in made


def test_what_is_left_without_the_answer_is_cut_to_a_window(made: list[Example]) -> None:
    """The sentence before it alone is longer than 600 characters."""
    assert Example(TUNNEL.question, TUNNEL.passage[:600], None) in made


def test_an_exchanged_name_is_another_of_the_same_kind(made: list[Example]) -> None:
    """A number for a number, and as many words; never the answer itself."""
    exchanged = [
        (topic, name, example.span)
        for topic in TOPICS
        for example in on_passage(made, topic)
        if (name := topic.name_in(example.question)) and example.question != topic.question
    ]
    assert {topic.name for topic, _, _ in exchanged} >= {"1912", "Neptun"}
    for topic, name, span in exchanged:
        assert name.isdigit() == topic.name.isdigit()
        assert len(name.split()) == len(topic.name.split())
        assert name not in topic.answer
        assert span is None


def test_a_foreign_question_carries_the_names_of_this_passage(made: list[Example]) -> None:
    """It asks about another passage's matter, with a name that stands in this one."""
    foreign = [
        (topic, asked, name, example.span)
        for topic in TOPICS
        for example in on_passage(made, topic)
        for asked in TOPICS
        if asked is not topic and (name := asked.name_in(example.question))
        if example.question != asked.question
    ]
    assert foreign
    for topic, asked, name, span in foreign:
        assert name in topic.passage
        assert name != asked.name
        assert span is None


def test_an_exchanged_word_ends_alike_and_is_not_in_the_passage(made: list[Example]) -> None:
    """The baker becomes a river or a painter: the same name, but nothing that the passage says."""
    asked = {example.passage: example.question for example in made if example.span}
    written_so = {claim for claim, *_ in NOT_SUPPORTED}
    exchanged = []
    for example in made:
        before, after = asked.get(example.passage, "").split(), example.question.split()
        changed = [pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]]
        alike = len(before) == len(after) and len(changed) == 1 and changed[0][1].islower()
        if alike and example.question not in written_so:
            exchanged.append((example, changed[0][0].strip("?."), changed[0][1].strip("?.")))
    assert exchanged
    for example, old, new in exchanged:
        assert old in example.passage
        assert new not in example.passage
        assert old[-2:] == new[-2:]
        assert example.span is None


def test_a_text_that_holds_the_answer_or_says_the_same_is_not_one_without_it(tmp_path: Path) -> None:
    """Nor is the gold one: of three texts none is left for the question who built; for who taught there are others."""
    builder = "The ferry Neptun was built by Marta Kowalska."
    in_other_words = "Kowalska, Marta, was the builder of the ferry Neptun."
    teacher = "Later Marta Kowalska taught children to swim."
    rows = [
        row("Who built the ferry?", builder, start=30, end=44, source="COVID-QA"),
        row("Who taught?", teacher, source="ReQA SQuAD train (sentence)"),
    ]
    made = examples(written(tmp_path, rows, [("A woman built a ferry.", "SUPPORTS", in_other_words)]))
    assert of_question(made, "Who built the ferry?") == [Example("Who built the ferry?", builder, (30, 44))]
    [drawn] = [example.passage for example in of_question(made, "Who taught?") if not example.span]
    assert drawn in {builder, in_other_words}


# What is claimed of the ferry, each with a sentence that supports it: thirteen, the gold one and the twelve nearest.
OF_THE_FERRY = {
    "The ferry Neptun was built in Gdansk.": "The hull of the ferry Neptun was laid in a yard at Gdansk.",
    "The ferry Neptun sank.": "The ferry Neptun went down in a storm off Bornholm.",
    "The ferry Neptun was fast.": "No other ferry crossed the strait as fast as the Neptun.",
    "The ferry Neptun had a captain.": "Jan Nowak was the captain of the ferry Neptun.",
    "The ferry Neptun carried cars.": "Sixty cars found room on the deck of the ferry Neptun.",
    "The ferry Neptun was painted.": "The ferry Neptun was painted blue every second year.",
    "The ferry Neptun was late.": "Passengers of the ferry Neptun often waited an hour.",
    "The ferry Neptun was sold.": "A Swedish company bought the ferry Neptun.",
    "The ferry Neptun burned coal.": "The engine of the ferry Neptun burned coal.",
    "The ferry Neptun had cabins.": "There were forty cabins on board the ferry Neptun.",
    "The ferry Neptun served food.": "Fish soup was served on the ferry Neptun.",
    "The ferry Neptun has a museum.": "A museum shows the bell of the ferry Neptun.",
    "The ferry Neptun was repaired.": "The ferry Neptun spent a winter in dock for repairs.",
}
OF_OTHER_THINGS = {
    "Bread needs time.": "Rye dough has to rest overnight before it is baked.",
    "Cells divide.": "A skin cell divides about once a month.",
    "Taxes rose.": "Parliament raised the tax on tobacco.",
    "Violins are old.": "Violins were first made in Cremona.",
    "Owls hunt.": "An owl hears a mouse under the snow.",
    "Chess is hard.": "A game of chess can take six hours.",
}


def test_a_text_without_the_answer_is_one_of_those_nearest_to_the_question(tmp_path: Path) -> None:
    """There are twelve others of the ferry, so none of bread, chess or owls."""
    claims = [(claim, "SUPPORTS", text) for claim, text in (OF_THE_FERRY | OF_OTHER_THINGS).items()]
    made = examples(written(tmp_path, [], claims))
    drawn = {e.question: e.passage for e in made if e.question in OF_THE_FERRY and e.span is None}
    assert drawn.keys() == OF_THE_FERRY.keys()
    for claim, text in drawn.items():
        assert text in set(OF_THE_FERRY.values()) - {OF_THE_FERRY[claim]}


# -- tensors -----------------------------------------------------------------------------------------------------------

# [CLS] who sank ? [SEP] the old ferry sank in 1931 . [SEP]
SANK = ("Who sank?", "The old ferry sank in 1931.")
# [CLS] who built it ? [SEP] marta ko ##wal ##ska built it . [SEP]
BUILT = ("Who built it?", "Marta Kowalska built it.")


def draw() -> random.Random:
    return random.Random(1)  # noqa: S311


def one_batch(*made: Example) -> dict[str, torch.Tensor]:
    [batch] = batches(load_tokenizer(MAX_TOKENS), made, draw())
    return batch


@pytest.mark.parametrize(
    ("example", "start", "end"),
    [
        (Example(*SANK, (4, 13)), [6], [7]),  # old ferry
        (Example(*BUILT, (0, 14)), [6], [9]),  # Marta Kowalska
        (Example(*SANK, None), [0], [0]),
        (Example(*SANK, (0, 27)), [5, 6, 7, 8, 9, 10, 11], [5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_a_target_stands_where_the_answer_begins_and_ends(example: Example, start: list[int], end: list[int]) -> None:
    """On its first and its last token; on token 0 without an answer; on all of a passage that answers as a whole."""
    [target] = one_batch(example)["target"]
    assert [row.nonzero().flatten().tolist() for row in target] == [start, end]
    assert set(target.unique().tolist()) == {0, 1}


def test_an_answer_behind_the_window_is_no_answer() -> None:
    """It is cut off, so the text as it is read does not answer."""
    passage = "and so on " * 200 + "Marta"
    [target] = one_batch(Example("Who?", passage, (2000, 2005)))["target"]
    assert target.nonzero().tolist() == [[0, 0], [1, 0]]


def test_padding_is_masked() -> None:
    """Thirteen tokens and fourteen, in a width of sixteen: nothing is present, nor a target, behind the last one."""
    batch = one_batch(Example(*SANK, (0, 27)), Example(*BUILT, (0, 14)))
    assert batch["present"].tolist() == [[True] * 13 + [False] * 3, [True] * 14 + [False] * 2]
    assert batch["segments"].tolist() == [[0] * 5 + [1] * 8 + [0] * 3, [0] * 6 + [1] * 8 + [0] * 2]
    assert (batch["ids"] > 0).tolist() == batch["present"].tolist()
    assert not batch["target"].transpose(1, 2)[~batch["present"]].any()


def test_no_batch_has_more_tokens_than_the_budget() -> None:
    """6400: four hundred rows of sixteen, or twenty of as many tokens as the reader takes. No example is left out."""
    short, long = Example(*SANK, None), Example("Who?", "and so on " * 200, None)
    made = [short] * 1100 + [long] * 25
    shapes = [tuple(b["ids"].shape) for b in batches(load_tokenizer(MAX_TOKENS), made, draw())]
    assert sorted(shapes) == [(5, 320), (20, 320), (300, 16), (400, 16), (400, 16)]


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of weights after one round over the made rows."""
    file = tmp_path_factory.mktemp("trained") / "reader.safetensors"
    train(data, file, epochs=1)
    return file


@pytest.fixture(scope="module")
def start() -> ReaderNetwork:
    """The network as training finds it, its head of the same random numbers."""
    torch.manual_seed(7)
    return ReaderNetwork().eval()


def test_the_file_holds_what_is_learned_and_nothing_else(trained: Path, start: ReaderNetwork) -> None:
    """Names and shapes of ReaderNetwork.learned(), as finite half-precision numbers."""
    stored = load_file(trained)
    assert {k: v.shape for k, v in stored.items()} == {k: p.shape for k, p in start.learned().items()}
    assert {weights.dtype for weights in stored.values()} == {torch.float16}
    assert all(weights.isfinite().all() for weights in stored.values())


def test_all_weights_that_are_learned_have_changed(trained: Path, start: ReaderNetwork) -> None:
    """Each tensor, by more than its rounding to half precision."""
    stored = load_file(trained)
    assert [name for name, p in start.learned().items() if torch.equal(p.detach().half(), stored[name])] == []


def test_the_reader_reads_with_the_weights_that_were_learned(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the file, and says how likely each of two sentences and none of them is."""
    monkeypatch.setattr(rag.reader, "WEIGHTS", trained)
    [reading] = Reader("float32").read("Who built it?", ["It sank. Marta built it."], [[(0, 8), (9, 24)]])
    assert reading.chances.shape == (3,)
    assert all(0 < chance < 1 for chance in reading.chances)


def test_training_makes_the_right_tokens_likelier(trained: Path, start: ReaderNetwork, made: list[Example]) -> None:
    """The probability of the targets, over a third of the examples: higher with the weights of the file."""
    network = ReaderNetwork().eval()
    unknown = network.load_state_dict(load_file(trained), strict=False).unexpected_keys
    assert unknown == []
    before = after = 0.0
    for batch in batches(load_tokenizer(MAX_TOKENS), made[::3], draw()):
        target = batch.pop("target")
        with torch.inference_mode():
            before += float((start(**batch).softmax(dim=2) * target).sum())
            after += float((network(**batch).softmax(dim=2) * target).sum())
    assert after > before
