"""Direct logit attribution, written out in PyTorch without the TypeScript library, so that the two can be compared."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

from evaluation import token_id
from tasks import Example


@dataclass
class Activations:
    """What the attribution needs of one forward pass. At the last position, save for the patterns."""

    components: dict[str, Tensor] = field(default_factory=dict)
    head_outputs: list[Tensor] = field(default_factory=list)
    final_residual: list[Tensor] = field(default_factory=list)
    patterns: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Attribution:
    """What each component and each head adds to the logit difference, and where each head looks from the last token.

    `heads_on_wrong` is what each head adds to the wrong answer's logit alone, against the vocabulary's mean.
    """

    tokens: list[str]
    components: dict[str, float]
    heads: dict[str, float]
    heads_on_wrong: dict[str, float]
    patterns: dict[str, Tensor]

    @property
    def logit_difference(self) -> float:
        return sum(self.components.values())

    def looks_at(self, head: str) -> str:
        return self.tokens[self.patterns[head].argmax()]


@torch.no_grad()
def attribute(model: GPT2LMHeadModel, tokenizer: GPT2TokenizerFast, example: Example) -> Attribution:
    """Rows c·P(gamma * w) / scale, with the final LayerNorm's scale frozen; its beta has a row of its own."""
    ids = tokenizer(tokenizer.bos_token + example.prompt)["input_ids"]
    activations = run(model, ids)
    unembed = model.lm_head.weight
    wrong = unembed[token_id(tokenizer, example.wrong)]
    difference = unembed[token_id(tokenizer, example.answer)] - wrong
    heads = head_writes(model, activations)
    components = project(model, activations, activations.components, difference)
    return Attribution(
        tokens=[tokenizer.decode([token]) for token in ids],
        components={**components, "beta": (model.transformer.ln_f.bias @ difference).item()},
        heads=project(model, activations, heads, difference),
        heads_on_wrong=project(model, activations, heads, wrong - unembed.mean(0)),
        patterns=by_head(model, activations.patterns),
    )


def project(
    model: GPT2LMHeadModel, activations: Activations, writes: dict[str, Tensor], unembedding: Tensor
) -> dict[str, float]:
    """Each write's effect on the logit whose column of the unembedding, or combination of columns, is given."""
    norm = model.transformer.ln_f
    (final,) = activations.final_residual
    weighted = norm.weight * unembedding
    direction = (weighted - weighted.mean()) / (final.var(correction=0) + norm.eps).sqrt()
    return {label: (write @ direction).item() for label, write in writes.items()}


@torch.no_grad()
def run(model: GPT2LMHeadModel, ids: list[int]) -> Activations:
    """One forward pass, keeping what every component writes at the last position."""
    kept = Activations()
    body = model.transformer

    def keep_output(label: str):
        return lambda _module, _inputs, output: kept.components.update({label: first(output)[0, -1]})

    def keep_input(values: list[Tensor]):
        return lambda _module, inputs: values.append(inputs[0][0, -1])

    hooks = [
        body.wte.register_forward_hook(keep_output("embed")),
        body.wpe.register_forward_hook(keep_output("pos_embed")),
        body.ln_f.register_forward_pre_hook(keep_input(kept.final_residual)),
    ]
    for layer, block in enumerate(body.h):
        hooks += [
            block.attn.c_proj.register_forward_pre_hook(keep_input(kept.head_outputs)),
            block.attn.register_forward_hook(keep_output(f"{layer}_attn_out")),
            block.mlp.register_forward_hook(keep_output(f"{layer}_mlp_out")),
        ]
    attentions = model(torch.tensor([ids]), output_attentions=True).attentions
    kept.patterns = [attention[0, :, -1] for attention in attentions]
    for hook in hooks:
        hook.remove()
    return kept


def first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Attention modules return their pattern as well."""
    return output[0] if isinstance(output, tuple) else output


def head_writes(model: GPT2LMHeadModel, activations: Activations) -> dict[str, Tensor]:
    """Each head's write, less what its value bias adds at every position, as TransformerLens counts it once folded."""
    d_model = model.config.n_embd
    values = slice(2 * d_model, 3 * d_model)
    writes = []
    for block, z in zip(model.transformer.h, activations.head_outputs):
        constant = block.attn.c_attn.bias[values] + block.ln_1.bias @ block.attn.c_attn.weight[:, values]
        writes.append([
            (z - constant)[own] @ block.attn.c_proj.weight[own]
            for own in (head_slice(model, head) for head in range(model.config.n_head))
        ])
    return by_head(model, writes)


def head_slice(model: GPT2LMHeadModel, head: int) -> slice:
    """The head's own columns of the concatenated head outputs."""
    d_head = model.config.n_embd // model.config.n_head
    return slice(head * d_head, (head + 1) * d_head)


def by_head(model: GPT2LMHeadModel, values: list) -> dict[str, Tensor]:
    """values[layer][head] under the label L0H0, L0H1, …"""
    return {
        f"L{layer}H{head}": values[layer][head]
        for layer in range(model.config.n_layer)
        for head in range(model.config.n_head)
    }
