"""The measured parts of docs/demo-model.md, between markers so that a rerun replaces them."""

import re
from pathlib import Path

from attribution import Attribution
from evaluation import REQUIRED_ACCURACY, Score
from names import NameStatistics
from tasks import Example


def accuracy_table(scores: dict[str, Score]) -> str:
    columns = ["task", "cases", "accuracy", "required", "no end-of-text token in front", "answer beats wrong"]
    return table(
        [*columns, "mean logit difference"],
        [
            [
                task,
                f"{score.cases}",
                f"{score.accuracy:.1%}",
                f"{REQUIRED_ACCURACY[task]:.0%}",
                f"{score.accuracy_without_start:.1%}",
                f"{score.answer_beats_wrong:.1%}",
                f"{score.logit_difference:.2f}",
            ]
            for task, score in scores.items()
        ],
    )


def example_table(examples: dict[str, Example], attributions: dict[str, Attribution]) -> str:
    return table(
        ["task", "prompt", "answer over wrong", "logit difference"],
        [
            [
                task,
                f"`{example.prompt}`",
                f"`{example.answer}` over `{example.wrong}`",
                f"{attributions[task].logit_difference:.2f}",
            ]
            for task, example in examples.items()
        ],
    )


def attribution_table(attributions: dict[str, Attribution]) -> str:
    """Components, their sum, then the heads."""
    columns = [
        {**attribution.components, "sum": attribution.logit_difference, **attribution.heads}
        for attribution in attributions.values()
    ]
    return table(
        ["row", *attributions],
        [[f"`{label}`", *(f"{column[label]:+.2f}" for column in columns)] for label in columns[0]],
    )


def looks_at_table(attributions: dict[str, Attribution]) -> str:
    heads = next(iter(attributions.values())).heads
    return table(
        ["head", *attributions],
        [
            [f"`{head}`", *(f"`{attribution.looks_at(head)}`" for attribution in attributions.values())]
            for head in heads
        ],
    )


def name_table(names: dict[str, dict[str, NameStatistics]]) -> str:
    """By the place of the answer's name, then by head."""
    adds = ["adds to the difference", "to the subject's logit"]
    looks = ["looks at the answer", "at the subject", "at its repetition"]
    return table(
        ["answer is named", "head", *adds, *looks],
        [
            [
                place,
                f"`{head}`",
                f"{mean.logit_difference:+.2f}",
                f"{mean.subject_logit:+.2f}",
                f"{mean.looks_at_answer:.0%}",
                f"{mean.looks_at_subject:.0%}",
                f"{mean.looks_at_repetition:.0%}",
            ]
            for place, by_head in names.items()
            for head, mean in by_head.items()
        ],
    )


def ablation_table(accuracies: dict[str, dict[str, float]]) -> str:
    return table(
        ["silenced", *accuracies["nothing"]],
        [[f"`{head}`", *(f"{share:.0%}" for share in by_task.values())] for head, by_task in accuracies.items()],
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] * len(header)
    escaped = [[cell.replace("|", r"\|") for cell in cells] for cells in (header, rule, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def replace_between_markers(path: Path, name: str, content: str) -> None:
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = path.read_text("utf-8")
    replaced, count = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{content}\n{end}", text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{path.name}: found {count} places for {name}, expected 1")
    path.write_text(replaced, "utf-8")
