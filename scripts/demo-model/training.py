"""The optimisation: AdamW on packed rows, for a fixed number of steps."""

import math
import time

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from corpus import Batch, Corpus

STEPS = 3_600
ROWS_PER_BATCH = 32
PEAK_LEARNING_RATE = 2e-3
FINAL_LEARNING_RATE_SHARE = 0.02
WARM_UP_STEPS = 200
DECAY_START = 0.4
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.1
GRADIENT_CLIP = 1.0
STEPS_PER_REPORT = 200


def train(model: GPT2LMHeadModel, corpus: Corpus, steps: int = STEPS) -> None:
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=PEAK_LEARNING_RATE, betas=BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_share(step, steps))
    started = time.perf_counter()
    model.train()
    for step, batch in zip(range(1, steps + 1), corpus.batches(ROWS_PER_BATCH)):
        loss = weighted_loss(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_CLIP)
        optimizer.step()
        schedule.step()
        if step % STEPS_PER_REPORT == 0:
            print(f"step {step:5}  loss {loss.item():.3f}  {time.perf_counter() - started:.0f} s", flush=True)
    model.eval()


def parameter_groups(model: GPT2LMHeadModel) -> list[dict[str, object]]:
    """Matrices decay, save the positions; vectors do not."""
    decaying, free = [], []
    for name, parameter in model.named_parameters():
        decays = parameter.dim() == 2 and "wpe" not in name
        (decaying if decays else free).append(parameter)
    return [{"params": decaying, "weight_decay": WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}]


def learning_rate_share(step: int, steps: int) -> float:
    """Linear warm-up, then constant, then a cosine down to a small rest."""
    if step < WARM_UP_STEPS:
        return (step + 1) / WARM_UP_STEPS
    progress = max(0.0, (step / steps - DECAY_START) / (1 - DECAY_START))
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return FINAL_LEARNING_RATE_SHARE + (1 - FINAL_LEARNING_RATE_SHARE) * cosine


def weighted_loss(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
    """Cross entropy of the weighted tokens, each predicted from the position before it."""
    hidden = model.transformer(
        input_ids=batch.ids, position_ids=batch.positions, attention_mask=attention_bias(batch), use_cache=False
    ).last_hidden_state
    weights = batch.weights[:, 1:]
    chosen = weights > 0
    logits = model.lm_head(hidden[:, :-1][chosen])
    losses = torch.nn.functional.cross_entropy(logits, batch.ids[:, 1:][chosen], reduction="none")
    return (losses * weights[chosen]).sum() / weights.sum()


def attention_bias(batch: Batch) -> Tensor:
    """[rows, 1, queryPos, keyPos]: zero where the key is earlier in the same document, else float32's lowest number."""
    same = batch.documents[:, :, None] == batch.documents[:, None, :]
    allowed = same.tril()
    return torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)[:, None]
