"""The network: a Hugging Face GPT-2, how it starts, how it is saved, and how it is loaded again."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

from corpus import ROW_LENGTH

SHAPE = {"n_positions": ROW_LENGTH, "n_embd": 64, "n_layer": 3, "n_head": 2, "n_inner": 256}
TOKEN_EMBEDDING_STD = 0.05
POSITION_EMBEDDING_STD = 0.02


def hugging_face_config(vocab_size: int) -> dict[str, object]:
    end_of_text = vocab_size - 1
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": vocab_size,
        **SHAPE,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "tie_word_embeddings": True,
    }


def new_model(vocab_size: int) -> GPT2LMHeadModel:
    model = GPT2LMHeadModel(GPT2Config(**hugging_face_config(vocab_size)))
    torch.nn.init.normal_(model.transformer.wte.weight, std=TOKEN_EMBEDDING_STD)
    torch.nn.init.normal_(model.transformer.wpe.weight, std=POSITION_EMBEDDING_STD)
    return model


def save_model(model: GPT2LMHeadModel, folder: Path) -> None:
    """Write config.json and model.safetensors. The head is tied to the token embedding, so it is not stored."""
    config = hugging_face_config(model.config.vocab_size)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    weights = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def load_tokenizer(folder: Path) -> GPT2TokenizerFast:
    return GPT2TokenizerFast.from_pretrained(folder)


def load_model(folder: Path) -> GPT2LMHeadModel:
    """The stored float16 weights, computed with in float32."""
    return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
