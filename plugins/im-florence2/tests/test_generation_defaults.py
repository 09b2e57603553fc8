"""What a package's generation_config.json may change, and what not."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from transformers import Florence2ForConditionalGeneration, GenerationConfig

from im_florence2.generation_defaults import reduce_defaults
from inference_models import AutoModel, CorruptedModelPackageError

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
FEW: dict[str, Any] = {"max_new_tokens": 8}
TOKENS = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}


@pytest.fixture
def package(tmp_path: Path, tiny_package: Path) -> Path:
    return copytree(tiny_package, tmp_path / "package")


def load(package: Path, **changes: Any) -> Any:
    path = package / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return AutoModel.from_pretrained(package, device="cpu")


@pytest.mark.parametrize(
    "changes",
    [
        {"num_return_sequences": 3, "num_beams": 3},
        {"return_dict_in_generate": True, "output_scores": True},
        {"num_beam_groups": 3, "diversity_penalty": 0.5},
        {"penalty_alpha": 0.5},
        {"stop_strings": ["a"]},
        {"cache_implementation": "quantized"},
        {"max_time": "x"},
        {"min_length": 8, "max_length": 5, "min_new_tokens": 8},
        {"prompt_lookup_num_tokens": 3, "assistant_early_exit": 1},
        {"custom_generate": "somebody/something", "of_nobody": [1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_else_it_says_changes_nothing(tiny: Any, package: Path, changes: dict[str, Any]) -> None:
    model = load(package, **changes)
    for options in ({"num_beams": 3}, {"num_beams": 1, "do_sample": True, "seed": 3}):
        assert model.prompt(PICTURE, "<OD>", **FEW, **options) == tiny.prompt(PICTURE, "<OD>", **FEW, **options)
    streamed = model.prompt(PICTURE, "<OD>", stream=True, **FEW)
    assert "".join(streamed) == tiny.prompt(PICTURE, "<OD>", num_beams=1, **FEW)[0]
    assert len(model.caption_image([PICTURE] * 2, **FEW)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"no_repeat_ngram_size": 1},
        {"suppress_tokens": [901, 1274], "repetition_penalty": 1.5},
        {"bad_words_ids": [[1274, 1274]], "early_stopping": True, "length_penalty": 2.0},
        {"forced_bos_token_id": 5, "decoder_start_token_id": 3},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_how_the_next_token_is_chosen_is_what_it_says(tiny: Any, package: Path, changes: dict[str, Any]) -> None:
    model = load(package, **changes)
    inputs = model.pre_process_generation(PICTURE, "<OD>")[0]
    tokens = model.generate(inputs, num_beams=3, **FEW).tolist()
    by_hand = Florence2ForConditionalGeneration.from_pretrained(package).eval()
    assert tokens == by_hand.generate(**inputs, num_beams=3, **FEW).tolist()
    assert tokens != tiny.generate(inputs, num_beams=3, **FEW).tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"eos_token_id": -5}, "eos_token_id as -5; it must be a token"),
        ({"eos_token_id": []}, r"eos_token_id as \[\]"),
        ({"decoder_start_token_id": 10**9}, r"decoder_start_token_id as 1000000000; .* \(below 13\d\d\)"),
        ({"pad_token_id": True}, "pad_token_id as True"),
        ({"suppress_tokens": "abc"}, "suppress_tokens as 'abc'; it must be a list of tokens"),
        ({"bad_words_ids": [[]]}, r"bad_words_ids as \[\[\]\]"),
        ({"temperature": 0.0}, "temperature as 0.0; it must be a number above 0"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty as nan"),
        ({"top_p": 1.5}, "top_p as 1.5; it must be a number from 0 to 1"),
        ({"no_repeat_ngram_size": 2.0}, "no_repeat_ngram_size as 2.0; it must be a whole number"),
        ({"length_penalty": "x"}, "length_penalty as 'x'"),
        ({"renormalize_logits": 1}, "renormalize_logits as 1; it must be true or false"),
        ({"decoder_start_token_id": None, "bos_token_id": None}, "which token a text begins with"),
    ],
)
def test_what_cannot_be_is_refused(package: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=said):
        load(package, **changes)


def test_configs_that_list_every_default_are_read() -> None:
    """As older versions of transformers wrote them."""
    off = {"bad_words_ids": None, "suppress_tokens": None, "forced_bos_token_id": None, "min_p": None}
    plain = {"temperature": 1.0, "top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0, "length_penalty": 1.0}
    beams = {"num_beam_groups": 1, "diversity_penalty": 0.0, "no_repeat_ngram_size": 0, "early_stopping": "never"}
    kept = GenerationConfig(**TOKENS, **off, **plain, **beams, of_nobody=1)
    reduce_defaults(kept, 10, Path("package"))
    assert {name: getattr(kept, name) for name in (*TOKENS, *plain)} == {**TOKENS, **plain}
    assert kept.early_stopping == "never"
    assert kept.num_beam_groups is None
    assert not hasattr(kept, "of_nobody")
