"""How the heads treat the two names, as means over the held-out indirect objects."""

from collections import defaultdict
from dataclasses import astuple, dataclass

import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

from attribution import Attribution, attribute
from evaluation import Case
from tasks import Example


@dataclass(frozen=True)
class NameStatistics:
    """Of one head: what it adds to logits, and its attention from the last token to the names."""

    logit_difference: float
    subject_logit: float
    looks_at_answer: float
    looks_at_subject: float
    looks_at_repetition: float


def name_statistics(
    model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, cases: list[Case]
) -> dict[str, dict[str, NameStatistics]]:
    """Means by the place of the answer's name in the sentence, then by head."""
    drawn: dict[str, dict[str, list[NameStatistics]]] = {place: defaultdict(list) for place in ("first", "second")}
    for case in cases:
        attribution = attribute(model, tokenizer, Example(case["prompt"], case["answer"], case["wrong"]))
        answer, subject, repetition = name_positions(attribution, case)
        place = "first" if answer < subject else "second"
        for head, pattern in attribution.patterns.items():
            looks = pattern[[answer, subject, repetition]].tolist()
            adds = (attribution.heads[head], attribution.heads_on_wrong[head])
            drawn[place][head].append(NameStatistics(*adds, *looks))
    return {place: {head: mean(values) for head, values in by_head.items()} for place, by_head in drawn.items()}


def name_positions(attribution: Attribution, case: Case) -> tuple[int, int, int]:
    """The answer's name, the subject's first mention, and its second."""
    words = [token.strip() for token in attribution.tokens]
    answer, subject = case["answer"].strip(), case["wrong"].strip()
    first_mention = words.index(subject)
    return words.index(answer), first_mention, words.index(subject, first_mention + 1)


def mean(values: list[NameStatistics]) -> NameStatistics:
    return NameStatistics(*torch.tensor([astuple(value) for value in values]).mean(0).tolist())
