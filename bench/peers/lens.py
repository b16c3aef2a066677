"""A checkpoint folder in TransformerLens: no tokenizer, no network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformer_lens.tools.analysis import direct_logit_attribution
from transformers import GPT2LMHeadModel
from transformers.utils import logging

logging.disable_progress_bar()


def use_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)


def load(folder: str) -> TransformerBridge:
    """As boot_transformers does, which would look for a tokenizer."""
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return build_bridge_from_module(model, "GPT2LMHeadModel", hf_config=model.config)


def attribute(
    folded: TransformerBridge, prompts: list[list[int]], answers: list[int], wrongs: list[int], unit: str
) -> torch.Tensor:
    """Of each prompt's answer over its wrong one, at the last position: [component, prompt]."""
    tokens = [torch.tensor(ids) for ids in (prompts, answers, wrongs)]
    return direct_logit_attribution(folded, *tokens, unit=unit).attribution
