"""Documents, and their packing into rows of tokens for training."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

import torch
from torch import Tensor
from transformers import GPT2TokenizerFast

from tasks import TASKS, Example, repetition

ROW_LENGTH = 64
DOCUMENT_SHARES = {
    "indirectObject": 40,
    "repetition": 23,
    "facts": 15,
    "agreement": 9,
    "successors": 8,
    "greaterThan": 5,
}
PREFACE_TASKS = ("facts", "agreement", "successors", "greaterThan")
PREFACE_SHARE = 0.3
RANDOM_TOKEN_SHARE = 0.65  # of the repetitions: of any tokens, not of words
START_SHARE = 0.8  # of the documents: so that prompts work with and without the end-of-text token in front
OTHER_TOKENS_SHARE = 0.35
OTHER_TOKENS_WEIGHT = 0.5


@dataclass(frozen=True)
class Document:
    ids: list[int]
    is_answer: list[bool]
    is_repetition: bool = False
    """Then all but the answers is drawn at random, and to train on it would be noise."""


@dataclass(frozen=True)
class Batch:
    """All [rows, pos]. Document numbers count from 0 in each row; a weight is that of predicting the token there."""

    ids: Tensor
    positions: Tensor
    documents: Tensor
    weights: Tensor


class Corpus:
    """An endless stream of training documents, the same for the same seed."""

    def __init__(self, tokenizer: GPT2TokenizerFast, rng: Random):
        self.tokenizer = tokenizer
        self.rng = rng

    def batches(self, rows: int) -> Iterator[Batch]:
        packed = self.packed_rows()
        while True:
            yield self.to_batch([next(packed) for _ in range(rows)])

    def packed_rows(self) -> Iterator[list[Document]]:
        row: list[Document] = []
        while True:
            document = self.document()
            if sum(len(earlier.ids) for earlier in row) + len(document.ids) > ROW_LENGTH:
                yield row
                row = []
            row.append(document)

    def document(self) -> Document:
        """One document that fits in a row."""
        while True:
            drawn = self.delimited(self.body())
            if len(drawn.ids) <= ROW_LENGTH:
                return drawn

    def body(self) -> Document:
        task = self.rng.choices(list(DOCUMENT_SHARES), weights=DOCUMENT_SHARES.values())[0]
        if task == "repetition":
            return self.repeated_tokens() if self.rng.random() < RANDOM_TOKEN_SHARE else self.repeated_words()
        preface = self.rng.randint(1, 3) if self.rng.random() < PREFACE_SHARE else 0
        sentences = [*self.rng.choices(PREFACE_TASKS, k=preface), task]
        return self.encode(" ".join(marked(TASKS[sentence](self.rng, False)) for sentence in sentences))

    def repeated_tokens(self) -> Document:
        length = self.rng.randint(4, 30)
        ids = self.rng.sample(range(self.tokenizer.eos_token_id), length)
        return Document(ids + ids, [False] * (length + 1) + [True] * (length - 1), is_repetition=True)

    def repeated_words(self) -> Document:
        return replace(self.encode(marked(repetition(self.rng, False))), is_repetition=True)

    def encode(self, marked_text: str) -> Document:
        """Tokenize plain and answer parts apart: all of them begin where GPT-2's pattern splits words."""
        ids: list[int] = []
        is_answer: list[bool] = []
        for index, part in enumerate(re.split(r"[\[\]]", marked_text)):
            part_ids = self.tokenizer.backend_tokenizer.encode(part).ids
            ids += part_ids
            is_answer += [index % 2 == 1] * len(part_ids)
        return Document(ids, is_answer)

    def delimited(self, body: Document) -> Document:
        end = self.tokenizer.eos_token_id
        start = [end] if self.rng.random() < START_SHARE else []
        is_answer = [*(False for _ in start), *body.is_answer, False]
        return replace(body, ids=[*start, *body.ids, end], is_answer=is_answer)

    def to_batch(self, rows: list[list[Document]]) -> Batch:
        return Batch(
            ids=padded(rows, lambda _, document: document.ids, self.tokenizer.eos_token_id),
            positions=padded(rows, lambda _, document: range(len(document.ids)), 0),
            documents=padded(rows, lambda number, document: [number] * len(document.ids), -1),
            weights=padded(rows, lambda _, document: self.weights(document), 0.0),
        )

    def weights(self, document: Document) -> list[float]:
        first = [0.0]  # nothing precedes it
        return first + [self.weight(document, answer) for answer in document.is_answer[1:]]

    def weight(self, document: Document, answer: bool) -> float:
        if answer:
            return 1.0
        if document.is_repetition:
            return 0.0
        return OTHER_TOKENS_WEIGHT if self.rng.random() < OTHER_TOKENS_SHARE else 0.0


def marked(example: Example) -> str:
    """The example's document, its answer in brackets."""
    return f"{example.prompt}[{example.answer}]{example.ending}"


def padded(rows: list[list[Document]], values: Callable[[int, Document], object], padding: float) -> Tensor:
    filled = [[value for number, document in enumerate(row) for value in values(number, document)] for row in rows]
    return torch.tensor([row + [padding] * (ROW_LENGTH - len(row)) for row in filled])
