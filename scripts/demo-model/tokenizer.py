"""A byte-level BPE tokenizer in GPT-2's format, in which every word of the lexicon is one token."""

import json
import re
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lexicon import CENTURIES, NAMES, ORDERS, SLOT_FILLERS, TEMPLATES, TWO_DIGITS

END_OF_TEXT = "<|endoftext|>"
CENTURY_REPEATS = 20


def lexicon_words() -> list[str]:
    """Every distinct word: with its leading space, and without where it may open a document."""
    texts = [re.sub(r"\{\w+\}", "", template) for template in TEMPLATES]
    spaced = [f" {word}" for text in (*texts, *SLOT_FILLERS) for word in re.findall(r"[A-Za-z]+", text)]
    openers = [word for template in TEMPLATES for word in re.findall(r"^[A-Za-z]+", template)]
    items = [item for order in ORDERS.values() for item in order]
    return sorted({*spaced, *openers, *NAMES, *items})


def training_words() -> list[str]:
    """The lexicon once each, so that merging ends only when every word is whole, and the halves of years.

    Centuries are repeated so that " 17" is merged before any two digits are: " 1732" then splits as " 17" + "32".
    """
    centuries = [f" {century}" for century in CENTURIES] * CENTURY_REPEATS
    return [*lexicon_words(), *centuries, *TWO_DIGITS]


def write_tokenizer(folder: Path) -> None:
    """Train the tokenizer and write vocab.json and merges.txt, with the end-of-text token last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=100_000,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_words(), trainer)

    trained = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(trained["vocab"], key=trained["vocab"].get)
    vocab = {token: index for index, token in enumerate([*tokens, END_OF_TEXT])}
    merges = ["#version: 0.2", *(" ".join(pair) for pair in trained["merges"])]
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")), "utf-8")
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", "utf-8")
