"""Held-out cases, and how well a saved model does on them."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

from lexicon import TWO_DIGITS
from tasks import TASKS, Example, draw_until

CASES_PER_TASK = 150
REQUIRED_ACCURACY = {
    "indirectObject": 0.97,
    "repetition": 0.97,
    "facts": 0.95,
    "successors": 0.95,
    "agreement": 0.95,
    "greaterThan": 0.95,
}

Case = dict[str, object]


@dataclass(frozen=True)
class Score:
    """Accuracy in the task's own sense, with and without the end-of-text token in front, and two comparisons."""

    cases: int
    accuracy: float
    accuracy_without_start: float
    answer_beats_wrong: float
    logit_difference: float


def draw_cases(seed: int) -> dict[str, list[Case]]:
    """Distinct held-out prompts of every task."""
    rng = Random(seed)
    return {task: draw_task_cases(task, rng) for task in TASKS}


def draw_task_cases(task: str, rng: Random) -> list[Case]:
    cases: dict[str, Case] = {}
    while len(cases) < CASES_PER_TASK:
        example = draw_until(rng, lambda rng: TASKS[task](rng, True), lambda drawn: drawn.prompt not in cases)
        cases[example.prompt] = to_case(example)
    return list(cases.values())


def to_case(example: Example) -> Case:
    case: Case = {"prompt": example.prompt, "answer": example.answer, "wrong": example.wrong}
    return {**case, "valid": list(example.valid)} if example.valid else case


def write_cases(cases: dict[str, list[Case]], path: Path) -> None:
    """One case a line, so that a change of the corpus shows as a readable difference."""
    tasks = [
        f'"{task}": [\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in task_cases) + "\n]"
        for task, task_cases in cases.items()
    ]
    path.write_text("{\n" + ",\n".join(tasks) + "\n}\n", "utf-8")


def evaluate(model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, cases: dict[str, list[Case]]) -> dict[str, Score]:
    return {task: score_task(model, tokenizer, task, task_cases) for task, task_cases in cases.items()}


def score_task(model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, task: str, cases: list[Case]) -> Score:
    prompts = [case["prompt"] for case in cases]
    logits = last_logits(model, tokenizer, prompts, tokenizer.bos_token)
    logits_without_start = last_logits(model, tokenizer, prompts, "")
    differences = torch.stack([logit_difference(tokenizer, *pair) for pair in zip(cases, logits)])
    return Score(
        cases=len(cases),
        accuracy=share(is_right(tokenizer, task, *pair) for pair in zip(cases, logits)),
        accuracy_without_start=share(is_right(tokenizer, task, *pair) for pair in zip(cases, logits_without_start)),
        answer_beats_wrong=share(difference > 0 for difference in differences),
        logit_difference=differences.mean().item(),
    )


def is_right(tokenizer: GPT2TokenizerFast, task: str, case: Case, logits: Tensor) -> bool:
    """What each task counts as right: over the whole vocabulary, save for agreement."""
    if task == "agreement":
        return bool(logit_difference(tokenizer, case, logits) > 0)
    top = logits.argmax().item()
    if task == "greaterThan":
        valid, invalid = valid_and_invalid(tokenizer, case)
        return top in valid and bool(logits[valid].logsumexp(0) > logits[invalid].logsumexp(0))
    return top == token_id(tokenizer, case["answer"])


def logit_difference(tokenizer: GPT2TokenizerFast, case: Case, logits: Tensor) -> Tensor:
    """Answer less wrong answer; between sets of answers, the difference of their means."""
    if "valid" in case:
        valid, invalid = valid_and_invalid(tokenizer, case)
        return logits[valid].mean() - logits[invalid].mean()
    return logits[token_id(tokenizer, case["answer"])] - logits[token_id(tokenizer, case["wrong"])]


def valid_and_invalid(tokenizer: GPT2TokenizerFast, case: Case) -> tuple[list[int], list[int]]:
    valid = [token_id(tokenizer, token) for token in case["valid"]]
    return valid, [token_id(tokenizer, token) for token in TWO_DIGITS if token not in case["valid"]]


def token_id(tokenizer: GPT2TokenizerFast, text: str) -> int:
    (only,) = tokenizer(text)["input_ids"]
    return only


@torch.no_grad()
def last_logits(model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, prompts: list[str], start: str) -> Tensor:
    """Logits after each prompt, [prompt, dVocab]. Prompts of one length run together, so nothing is padded."""
    encoded = [tokenizer(start + prompt)["input_ids"] for prompt in prompts]
    by_length = defaultdict(list)
    for index, ids in enumerate(encoded):
        by_length[len(ids)].append(index)
    logits = torch.empty(len(prompts), model.config.vocab_size)
    for indices in by_length.values():
        logits[indices] = model(torch.tensor([encoded[index] for index in indices])).logits[:, -1]
    return logits


def share(truths) -> float:
    truths = list(truths)
    return sum(map(bool, truths)) / len(truths)
