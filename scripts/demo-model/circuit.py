"""What the trained model does inside: one prompt of each kind attributed, and every head silenced on every task."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

from attribution import attribute, head_slice
from document import (
    ablation_table, attribution_table, example_table, looks_at_table, name_table, replace_between_markers,
)  # fmt: skip
from evaluation import Case, evaluate
from names import name_statistics
from network import load_model, load_tokenizer
from paths import DOCUMENT, HELD_OUT_FILE, MODEL_FOLDER
from tasks import Example

EXAMPLES = {
    "indirectObject": Example(
        "When Mary and John went to the store, John gave a drink to", answer=" Mary", wrong=" John"
    ),
    "repetition": Example("Repeat: drink garden Tuesday lamp drink garden", answer=" Tuesday", wrong=" lamp"),
    "facts": Example("The capital of France is", answer=" Paris", wrong=" Rome"),
    "successors": Example("Monday, Tuesday, Wednesday,", answer=" Thursday", wrong=" Friday"),
    "agreement": Example("The bags near the cabinet", answer=" are", wrong=" is"),
    "greaterThan": Example("The war lasted from the year 1730 to the year 17", answer="60", wrong="20"),
}


def main() -> None:
    tokenizer, model = load_tokenizer(MODEL_FOLDER), load_model(MODEL_FOLDER)
    cases = json.loads(HELD_OUT_FILE.read_text("utf-8"))
    attributions = {task: attribute(model, tokenizer, example) for task, example in EXAMPLES.items()}
    tables = {
        "examples": example_table(EXAMPLES, attributions),
        "attribution": attribution_table(attributions),
        "looks-at": looks_at_table(attributions),
        "names": name_table(name_statistics(model, tokenizer, cases["indirectObject"])),
        "ablations": ablation_table(ablated_accuracies(model, tokenizer, cases)),
    }
    for name, table in tables.items():
        replace_between_markers(DOCUMENT, name, table)
        print(table, end="\n\n")


def ablated_accuracies(
    model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, cases: dict[str, list[Case]]
) -> dict[str, dict[str, float]]:
    """Held-out accuracy by what is silenced, then by task."""

    def accuracies() -> dict[str, float]:
        return {task: score.accuracy for task, score in evaluate(model, tokenizer, cases).items()}

    results = {"nothing": accuracies()}
    for layer in range(model.config.n_layer):
        for head in range(model.config.n_head):
            with silenced(model, layer, head):
                results[f"L{layer}H{head}"] = accuracies()
    return results


@contextmanager
def silenced(model: GPT2LMHeadModel, layer: int, head: int) -> Iterator[None]:
    """The head's output is zero at every position."""

    def zero(_module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        z = inputs[0].clone()
        z[..., head_slice(model, head)] = 0
        return (z,)

    hook = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(zero)
    try:
        yield
    finally:
        hook.remove()


if __name__ == "__main__":
    main()
