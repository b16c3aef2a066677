"""Make the demonstration model anew: tokenizer, training, held-out cases, evaluation, and the table in the docs."""

import sys
from random import Random

import torch

from corpus import Corpus
from document import accuracy_table, replace_between_markers
from evaluation import REQUIRED_ACCURACY, draw_cases, evaluate, write_cases
from network import load_model, load_tokenizer, new_model, save_model
from paths import DOCUMENT, HELD_OUT_FILE, MODEL_FOLDER
from tokenizer import write_tokenizer
from training import train

SEED = 1
HELD_OUT_SEED = 1
MODEL_FILES = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
SIZE_LIMIT = 600_000


def main() -> None:
    # One thread: the sums are then always in the same order, and the model is the same to the bit on one machine.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)

    write_tokenizer(MODEL_FOLDER)
    tokenizer = load_tokenizer(MODEL_FOLDER)
    model = new_model(len(tokenizer))
    train(model, Corpus(tokenizer, Random(SEED)))
    save_model(model, MODEL_FOLDER)

    cases = draw_cases(HELD_OUT_SEED)
    write_cases(cases, HELD_OUT_FILE)
    scores = evaluate(load_model(MODEL_FOLDER), tokenizer, cases)
    table = accuracy_table(scores)
    replace_between_markers(DOCUMENT, "held-out", table)
    print(table)

    size = sum((MODEL_FOLDER / name).stat().st_size for name in MODEL_FILES)
    print(f"{size} bytes in {len(MODEL_FILES)} files")
    missed = [task for task, required in REQUIRED_ACCURACY.items() if scores[task].accuracy < required]
    if missed or size > SIZE_LIMIT:
        sys.exit(f"not good enough to ship: accuracy of {missed or 'all is high enough'}, size {size} of {SIZE_LIMIT}")


if __name__ == "__main__":
    main()
