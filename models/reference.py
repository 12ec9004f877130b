"""A bundled model in Transformers, rebuilt from its two GGUF files: the same F16-rounded weights, computed in float32.

Scores options as Undertow does: sums of log-probabilities over the option's text and the turn's closing tokens.
"""
import functools
import os
import sys

import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models

import shape
from shape import MERGE

TEXT = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
VISION = {"attn_qkv": "attn.qkv", "attn_out": "attn.proj", "ffn_up": "mlp.linear_fc1", "ffn_down": "mlp.linear_fc2", "ln1": "norm1", "ln2": "norm2"}


def tensors(path):
    return {t.name: torch.from_numpy(np.array(t.data, np.float32)) for t in gguf.GGUFReader(path).tensors}


def hf_name(name, deepstack):
    """The Transformers name of a GGUF tensor."""
    if name == "token_embd.weight":
        return "model.language_model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.language_model.norm.weight"
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.language_model.layers.{parts[1]}.{TEXT[parts[2]]}.{parts[3]}"
    if parts[:2] == ["v", "blk"]:
        return f"model.visual.blocks.{parts[2]}.{VISION[parts[3]]}.{parts[4]}"
    if parts[:2] == ["v", "deepstack"]:
        return f"model.visual.deepstack_merger_list.{deepstack.index(int(parts[2]))}.{parts[3].replace('fc', 'linear_fc')}.{parts[4]}"
    fixed = {"mm.0": "merger.linear_fc1", "mm.2": "merger.linear_fc2", "v.post_ln": "merger.norm", "v.patch_embd": "patch_embed.proj",
             "v.position_embd": "pos_embed"}
    return f"model.visual.{fixed['.'.join(parts[:2])]}.{parts[2]}"


def load_tokenizer(path):
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    vocabulary = {t: i for i, (t, kind) in enumerate(zip(tokens, kinds)) if kind != gguf.TokenType.UNUSED}
    tokenizer = shape.with_pipeline(Tokenizer(models.BPE(vocab=vocabulary, merges=merges)))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in shape.SPECIALS])
    return tokenizer


def read_config(path, mmproj, tokenizer, positions):
    """The configuration that the two files tell: a model of any size can be read."""
    text, vision = (gguf.GGUFReader(p).fields for p in (path, mmproj))
    of_text = lambda key: text["qwen3vl." + key].contents()
    of_vision = lambda key: vision["clip.vision." + key].contents()
    return shape.make_config(
        tokenizer, patch=of_vision("patch_size"), positions=positions,
        vision=dict(hidden_size=of_vision("embedding_length"), depth=of_vision("block_count"), num_heads=of_vision("attention.head_count"),
                    deepstack_visual_indexes=[i for i, is_one in enumerate(of_vision("is_deepstack_layers")) if is_one]),
        text=dict(hidden_size=of_text("embedding_length"), num_hidden_layers=of_text("block_count"),
                  num_attention_heads=of_text("attention.head_count"), num_key_value_heads=of_text("attention.head_count_kv")))


def load(path, mmproj):
    tokenizer = load_tokenizer(path)
    weights = tensors(path) | tensors(mmproj)
    model = shape.make_model(read_config(path, mmproj, tokenizer, len(weights["v.position_embd.weight"])))
    frames = [weights.pop("v.patch_embd.weight"), weights.pop("v.patch_embd.weight.1")]
    deepstack = list(model.config.vision_config.deepstack_visual_indexes)
    state = {hf_name(name, deepstack): tensor for name, tensor in weights.items()}
    state["model.visual.patch_embed.proj.weight"] = torch.stack(frames, 2)
    state["lm_head.weight"] = state["model.language_model.embed_tokens.weight"]
    model.load_state_dict(state)
    return model, tokenizer


def pixel_patches(pixels, patch):
    """[patches, 3·2·patch·patch] of an RGB image [height, width, 3] of 8-bit values, as Qwen's image processor makes them."""
    h, w, _ = pixels.shape
    cell = patch * MERGE
    x = torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(127.5).sub_(1)
    x = x.view(h // cell, MERGE, patch, w // cell, MERGE, patch, 3).permute(0, 3, 1, 4, 6, 2, 5)
    x = x.reshape(-1, 3, 1, patch * patch).expand(-1, -1, 2, -1)
    return x.reshape(x.shape[0], -1), torch.tensor([[1, h // patch, w // patch]])


class Scorer:
    """Plain inference: every option's text in a pass of its own."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.patch = model.config.vision_config.patch_size
        self.pad = tokenizer.token_to_id("<|image_pad|>")
        self.decoder, self.encoder = {}, {}  # what came out of each layer
        self.merged = {}  # the tokens that the decoder receives
        model.model.visual.merger.register_forward_hook(functools.partial(self.keep, self.merged, 0))
        for kept, layers in (self.decoder, model.model.language_model.layers), (self.encoder, model.model.visual.blocks):
            for i, layer in enumerate(layers):
                layer.register_forward_hook(functools.partial(self.keep, kept, i))

    @staticmethod
    def keep(kept, i, module, args, output):
        kept[i] = output[0] if isinstance(output, tuple) else output

    @property
    def before_norm(self):
        return self.decoder[len(self.decoder) - 1]

    @torch.no_grad()
    def tokens(self, images):
        """What the decoder receives of each image, [1, height, width, n_embd]."""
        patches, grid = (torch.cat(parts) for parts in zip(*(pixel_patches(image, self.patch) for image in images)))
        self.model.model.visual(patches, grid_thw=grid)
        sizes = [(h // MERGE, w // MERGE) for _, h, w in grid.tolist()]
        parts = self.merged[0].split([h * w for h, w in sizes])
        return [part.reshape(1, h, w, -1).numpy() for part, (h, w) in zip(parts, sizes)]

    def ids(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def prefix(self, images):
        """The tokens before the prompt, and what the model sees at their places."""
        if not images:
            return [], {}
        patches, grid = (torch.cat(parts) for parts in zip(*(pixel_patches(image, self.patch) for image in images)))
        before = []
        for text, (_, h, w) in zip([shape.PREFIX] + [shape.BETWEEN] * (len(images) - 1), grid.tolist()):
            before += self.ids(text) + [self.pad] * (h * w // MERGE ** 2)
        return before, dict(pixel_values=patches, image_grid_thw=grid)

    @torch.no_grad()
    def score(self, images, prompt, options):
        """For each option its sum of log-probabilities with and without the closing tokens; and the state of the last prompt token after
        the last decoder layer, before the final norm. images has the pixels of any number."""
        before, seen = self.prefix(images)
        scores = []
        for option in options:
            # Prompt, option and closing are tokenised together, then cut at the length of what comes before.
            head = ("<|vision_end|>" if images else shape.USER) + prompt + shape.TURN
            start = len(before) + len(self.ids(head))
            ids = torch.tensor([before + self.ids(head + option + shape.CLOSING)])
            out = self.run(ids, seen)
            logs = out.logits[0].double().log_softmax(-1)[start - 1:-1].gather(1, ids[0, start:, None])[:, 0]
            n_closing = len(self.ids(shape.CLOSING))
            scores.append((float(logs.sum()), float(logs[:-n_closing].sum())))
        return scores, self.before_norm[0, start - 1]

    def run(self, ids, seen):
        return self.model(input_ids=ids, mm_token_type_ids=(ids == self.pad).int(), **seen)

    def means(self, rows):
        """Before and after the final norm, the means over rows of tokens of the last layer."""
        state = self.before_norm[0, rows]
        return state.mean(0), self.model.model.language_model.norm(state).mean(0)

    @torch.no_grad()
    def states(self, images, prompt, options, n_generate=32):
        """What is read beside the scores: after every layer of the decoder the last prompt token ("llm"), after every layer of the encoder
        the mean over the patches ("vision"), the mean over each option's tokens ("options", "options_normed"), the greedy answer ("text")
        and the mean over its tokens, the one that ends it among them ("greedy", "greedy_normed")."""
        before, seen = self.prefix(images)
        head = before + self.ids(("<|vision_end|>" if images else shape.USER) + prompt + shape.TURN)
        found = dict(options=[], options_normed=[])
        for option in options:
            self.run(torch.tensor([head + self.ids(option + shape.CLOSING)]), seen)
            raw, normed = self.means(slice(len(head), len(head) + len(self.ids(option))))
            found["options"].append(raw)
            found["options_normed"].append(normed)
        out = self.run(torch.tensor([head]), seen)
        found["llm"] = [self.decoder[i][0, -1] for i in range(len(self.decoder))]
        found["vision"] = [self.encoder[i].reshape(-1, self.encoder[i].shape[-1]).mean(0) for i in range(len(self.encoder))]

        answer, end = [], self.tokenizer.token_to_id("<|im_end|>")
        while len(answer) < n_generate and end not in answer:
            answer.append(int(out.logits[0, -1].argmax()))
            out = self.run(torch.tensor([head + answer]), seen)
        found["text"] = self.tokenizer.decode([t for t in answer if t != end])
        found["greedy"], found["greedy_normed"] = self.means(slice(len(head), None))
        return found
