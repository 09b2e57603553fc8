"""What a package may say about how text is generated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from inference_models import CorruptedModelPackageError

_Check: TypeAlias = Callable[[Any, int], bool]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_token(value: Any, vocabulary: int) -> bool:
    return _is_whole(value) and value < vocabulary


def _are_tokens(value: Any, vocabulary: int) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_token(one, vocabulary) for one in value)


def _ends(value: Any, vocabulary: int) -> bool:
    return _is_token(value, vocabulary) or _are_tokens(value, vocabulary)


def _are_sequences(value: Any, vocabulary: int) -> bool:
    return isinstance(value, list) and bool(value) and all(_are_tokens(one, vocabulary) for one in value)


def _is_flag(value: Any, _: int) -> bool:
    return isinstance(value, bool)


def _is_patience(value: Any, _: int) -> bool:
    return isinstance(value, bool) or value == "never"


def _is_count(value: Any, _: int) -> bool:
    return _is_whole(value)


def _is_finite(value: Any, _: int) -> bool:
    return _is_number(value)


def _is_positive(value: Any, _: int) -> bool:
    return _is_number(value) and value > 0


def _is_share(value: Any, _: int) -> bool:
    return _is_number(value) and 0 <= value <= 1


_TOKEN, _TOKENS = "a token of the network (below {})", "a list of tokens of the network (below {})"
_ENDS = "a token of the network (below {}) or a list of some"
_COUNT, _POSITIVE, _SHARE = "a whole number of at least 0", "a number above 0", "a number from 0 to 1"
_FIELDS: Mapping[str, tuple[_Check, str]] = {
    "bos_token_id": (_is_token, _TOKEN),
    "decoder_start_token_id": (_is_token, _TOKEN),
    "eos_token_id": (_ends, _ENDS),
    "forced_bos_token_id": (_is_token, _TOKEN),
    "forced_eos_token_id": (_ends, _ENDS),
    "pad_token_id": (_is_token, _TOKEN),
    "suppress_tokens": (_are_tokens, _TOKENS),
    "begin_suppress_tokens": (_are_tokens, _TOKENS),
    "bad_words_ids": (_are_sequences, "a list of lists of tokens of the network (below {})"),
    "no_repeat_ngram_size": (_is_count, _COUNT),
    "encoder_no_repeat_ngram_size": (_is_count, _COUNT),
    "repetition_penalty": (_is_positive, _POSITIVE),
    "encoder_repetition_penalty": (_is_positive, _POSITIVE),
    "remove_invalid_values": (_is_flag, "true or false"),
    "renormalize_logits": (_is_flag, "true or false"),
    "early_stopping": (_is_patience, 'true, false or "never"'),
    "length_penalty": (_is_finite, "a number"),
    "temperature": (_is_positive, _POSITIVE),
    "top_k": (_is_count, _COUNT),
    "top_p": (_is_share, _SHARE),
    "min_p": (_is_share, _SHARE),
}


def reduce_defaults(config: Any, vocabulary: int, directory: Path) -> None:
    """Leave in a package's `GenerationConfig` which tokens frame a text and how the next one is chosen.

    The rest would change what comes out of `generate`, how it searches, or what it keeps in memory and fetches: how
    many texts there are of an image, whether they come as a mapping. How far and along how many beams a text goes is
    for the caller.

    Args:
        config: as transformers read it; it is changed.
        vocabulary: how many tokens the network knows.
        directory: of the package, for messages.

    Raises:
        CorruptedModelPackageError: a value cannot be, or nothing says which token a text begins with.
    """
    said = {name: getattr(config, name, None) for name in _FIELDS}
    stated = {name: value for name, value in said.items() if value is not None}
    for name, value in stated.items():
        check, expected = _FIELDS[name]
        if not check(value, vocabulary):
            raise CorruptedModelPackageError(
                f"The generation config in {directory} states {name} as {value!r}; it must be "
                f"{expected.format(vocabulary)}. Correct generation_config.json, or download the package again."
            )
    if not {"decoder_start_token_id", "bos_token_id"} & set(stated):
        raise CorruptedModelPackageError(
            f"The generation config in {directory} does not say which token a text begins with. State "
            f"decoder_start_token_id in generation_config.json."
        )
    reduced = vars(type(config)(**stated))
    # The same object: a network in the wrapper of an adapter keeps its own reference to it.
    vars(config).clear()
    vars(config).update(reduced)
