#!/usr/bin/env python3
"""Tiny models with random weights, one of every architecture that the engine is right for, and what Transformers computes with them.

    ./dev -n reference python3 tests/oracle/architectures.py tests/data/architectures [NAME…]

writes for each NAME (default: all) NAME.gguf and NAME-mmproj.gguf, made by llama.cpp's own converter from a checkpoint as Transformers
saves it, and NAME.json, what the engine is held against. Weights are F32, so that both sides compute with the same; they follow from a
seed, and the files come out the same again. All decoders are equally wide, so that every mmproj fits every model by its width.

A family is made as its published models are: its processor, special tokens, chat template and layout of an image's tokens are
Transformers', its vocabulary is trained on the words below. Images have sizes that the family's processor leaves as they are.

NAME.json has `items`, each with the images' sizes and patterns (pattern()), the prompt, its options, and

    logprob, logprob_text    sums of log-probabilities over every option's text with and without the turn's closing tokens
    ctx, ctx_normed          the last prompt token's state after the last decoder layer, before and after the final norm
    option_states, …_normed  the means over each option's tokens, one option after the other
    llm                      the last prompt token's state after every decoder layer
    vision                   the mean over the patches of all images after every encoder layer
    tokens, grids            what the decoder receives of the images, and [height, width] of each image's or slice's tokens
    greedy                   the mean over the tokens of a greedy answer of at most N_GENERATE; left out where two are nearly as likely
"""
import argparse
import contextlib
import functools
import json
import os
import runpy
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "models"))
import export  # noqa: E402
import shape  # noqa: E402

WIDTH, VISION_WIDTH = 32, 32
N_GENERATE = 6
VOCABULARY = 384

QUESTIONS = [
    ("Question: Which shape is the largest?\nA. red disc\nB. blue square", ["red disc", "blue square"]),
    ("Question: Is there a dark band?\nAnswer Yes or No.", ["Yes", "No"]),
    ("Question: Which picture is brighter?", ["the first", "the second", "neither of the two"]),
]


def pattern(width, height, seed, vary="both"):
    """An image that a test makes again from these numbers: integer waves in x and y, or in one of them where the processor shrinks the other."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    x, y = (x if vary != "y" else 0 * x), (y if vary != "x" else 0 * y)
    return np.stack([(x * (3 + c) + y * (7 - 2 * c) + x * y * (1 + c) // 16 + 61 * seed) % 256 for c in range(3)], -1).astype(np.uint8)


# ── vocabularies ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

def texts():
    for prompt, options in QUESTIONS:
        yield prompt
        yield from options
    yield from ["\n\n"] * 20  # one token, as SmolVLM needs before its overview
    yield "user\nmodel\nassistant\nsystem\nYou are a helpful assistant.\nUser:\nAssistant:"


def byte_level(specials, splits):
    """Bytes and merges, as GPT-2, SmolLM and Qwen have them; `splits` are the pre-tokenizers before the merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splits
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                  special_tokens=[AddedToken(t, special=True, normalized=False) for t in specials])
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def qwen_vocabulary():
    return byte_level(shape.SPECIALS, shape.with_pipeline(Tokenizer(models.BPE())).pre_tokenizer)


def smolvlm_vocabulary(specials):
    return byte_level(specials, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]))


def gemma_vocabulary(specials):
    """SentencePiece's kind: words with their space, bytes for what is in no token, and any two tokens merge that are one together."""
    space = normalizers.Replace(" ", "▁")
    learnt = Tokenizer(models.BPE())
    learnt.normalizer = space
    learnt.pre_tokenizer = pre_tokenizers.Split(Regex("▁|\n+"), behavior="merged_with_next")
    learnt.train_from_iterator(texts(), trainers.BpeTrainer(vocab_size=160, special_tokens=["\n\n"]))
    pieces = sorted(learnt.get_vocab(), key=learnt.token_to_id)
    pieces.remove("\n\n")
    names = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)] + sorted(p for p in pieces if len(p) == 1)
    names += ["\n\n"] + [p for p in pieces if len(p) > 1] + specials
    ids = {name: i for i, name in enumerate(names)}
    merges = [(name[:i], name[i:]) for name in ["\n\n"] + [p for p in pieces if len(p) > 1] for i in range(1, len(name))
              if name[:i] in ids and name[i:] in ids]
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = space
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in names[:4] + specials])
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", ids["<bos>"])])
    return tokenizer


def rows_of(tokenizer):
    return (tokenizer.get_vocab_size() + 31) // 32 * 32


# ── the families ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = dict(hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1,
            max_position_embeddings=4096, rms_norm_eps=1e-6)

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}SYSTEM{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
SMOLVLM_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}"
    "{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<start_of_image>' }}{% elif part['type'] == 'text' %}"
    "{{ part['text'] | trim }}{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}")


def qwen(name, vision, rope, template, **text):
    """Qwen2-VL, 2.5 and 3: what they have in common."""
    tokenizer = qwen_vocabulary()
    token = tokenizer.token_to_id
    Config, Model = (getattr(transformers, name + end) for end in ("Config", "ForConditionalGeneration"))
    config = Config(
        text_config=dict(**TEXT, **text, vocab_size=rows_of(tokenizer), rope_parameters=dict(rope_theta=10000.0, **rope), tie_word_embeddings=True,
                         bos_token_id=token("<|endoftext|>"), eos_token_id=token("<|im_end|>"), pad_token_id=token("<|endoftext|>")),
        vision_config=dict(**vision, patch_size=PATCH, spatial_merge_size=2, temporal_patch_size=2),
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"), vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"), tie_word_embeddings=True, dtype="float32")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=template)
    cell = 2 * PATCH
    images = transformers.Qwen2VLImageProcessor(patch_size=PATCH, temporal_patch_size=2, merge_size=2, image_mean=[.48, .46, .41], image_std=[.27, .26, .28],
                                                size=dict(shortest_edge=8 * cell ** 2, longest_edge=1024 * cell ** 2))
    Processor = transformers.Qwen3VLProcessor if name == "Qwen3VL" else transformers.Qwen2VLProcessor
    Video = transformers.Qwen3VLVideoProcessor if name == "Qwen3VL" else transformers.Qwen2VLVideoProcessor
    processor = Processor(image_processor=images, tokenizer=fast, video_processor=Video(), chat_template=template)
    model = Model(config)
    return model, processor


PATCH = 8


def qwen2vl():
    return qwen("Qwen2VL", dict(depth=3, embed_dim=VISION_WIDTH, hidden_size=WIDTH, num_heads=2, mlp_ratio=2),
                dict(rope_type="default", mrope_section=[2, 3, 3]), QWEN_TEMPLATE.replace("SYSTEM", SYSTEM))


def qwen25vl():
    return qwen("Qwen2_5_VL", dict(depth=4, hidden_size=VISION_WIDTH, out_hidden_size=WIDTH, intermediate_size=48, num_heads=2, window_size=112,
                                   fullatt_block_indexes=[1, 3]),
                dict(rope_type="default", mrope_section=[2, 3, 3]), QWEN_TEMPLATE.replace("SYSTEM", SYSTEM))


def qwen3vl():
    return qwen("Qwen3VL", dict(depth=3, hidden_size=VISION_WIDTH, out_hidden_size=WIDTH, intermediate_size=64, num_heads=2,
                                num_position_embeddings=64, deepstack_visual_indexes=[0, 1]),
                dict(rope_type="default", mrope_section=[3, 3, 2], mrope_interleaved=True), QWEN_TEMPLATE.replace("SYSTEM", ""), head_dim=16)


def smolvlm():
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    specials += [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
    tokenizer = smolvlm_vocabulary(specials)
    token = tokenizer.token_to_id
    side, patch = 64, 8
    config = transformers.Idefics3Config(
        text_config=dict(**TEXT, model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=rows_of(tokenizer), head_dim=16,
                         rope_parameters=dict(rope_type="default", rope_theta=10000.0), tie_word_embeddings=False,
                         bos_token_id=token("<|im_start|>"), eos_token_id=token("<end_of_utterance>"), pad_token_id=token("<|im_end|>")),
        vision_config=dict(hidden_size=VISION_WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=patch),
        scale_factor=2, image_token_id=token("<image>"), pad_token_id=token("<|im_end|>"), tie_word_embeddings=False, dtype="float32")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<|im_end|>",
                                   unk_token="<|endoftext|>", chat_template=SMOLVLM_TEMPLATE)
    images = transformers.Idefics3ImageProcessorPil(size=dict(longest_edge=2 * side), max_image_size=dict(longest_edge=side))
    n_tokens = (side // patch // 2) ** 2
    processor = transformers.Idefics3Processor(images, fast, image_seq_len=n_tokens, chat_template=SMOLVLM_TEMPLATE)
    return transformers.Idefics3ForConditionalGeneration(config), processor


def gemma3():
    specials = ["<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    tokenizer = gemma_vocabulary(specials)
    token = tokenizer.token_to_id
    side, patch = 64, 8
    config = transformers.Gemma3Config(
        text_config=dict(TEXT, num_hidden_layers=6, vocab_size=tokenizer.get_vocab_size(), head_dim=16, query_pre_attn_scalar=16, sliding_window=64,
                         layer_types=["sliding_attention"] * 5 + ["full_attention"],
                         rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
                                              sliding_attention=dict(rope_type="default", rope_theta=1e4))),
        vision_config=dict(hidden_size=VISION_WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=patch,
                           vision_use_head=False),
        mm_tokens_per_image=16, boi_token_index=token("<start_of_image>"), eoi_token_index=token("<end_of_image>"),
        image_token_index=token("<image_soft_token>"), dtype="float32")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<end_of_turn>", pad_token="<pad>", unk_token="<unk>",
                                   chat_template=GEMMA_TEMPLATE,
                                   extra_special_tokens=dict(image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>"))
    images = transformers.Gemma3ImageProcessorPil(size=dict(height=side, width=side), image_mean=[.5] * 3, image_std=[.5] * 3, image_seq_length=16)
    processor = transformers.Gemma3Processor(images, fast, image_seq_length=16, chat_template=GEMMA_TEMPLATE)
    return transformers.Gemma3ForConditionalGeneration(config), processor


# Each image's width and height, and what varies in it, by question. SmolVLM cuts slices of 64 pixels and shrinks the whole to one for an
# overview, by another filter than libmtmd: only what does not vary in that direction stays the same.
QWEN_SIZES = [[(160, 128)], [(96, 48)], [(64, 80), (80, 32)]]
SMOLVLM_SIZES = [[(128, 64, "y")], [(64, 128, "x")], [(128, 64, "y"), (64, 128, "x")]]
GEMMA_SIZES = [[(64, 64)], [(64, 64)], [(64, 64), (64, 64)]]

# How the family is made; what the converter, which knows vocabularies by the hash of a published one, is told of this (None: it is
# SentencePiece's kind); the images; and the tokens a side of an image or slice, where all are square.
FAMILIES = {
    "qwen2vl": (qwen2vl, "qwen2", QWEN_SIZES, None),
    "qwen25vl": (qwen25vl, "qwen2", QWEN_SIZES, None),
    "qwen3vl": (qwen3vl, "qwen2", QWEN_SIZES, None),
    "smolvlm": (smolvlm, "smollm", SMOLVLM_SIZES, 4),
    "gemma3": (gemma3, None, GEMMA_SIZES, 4),
}


@torch.no_grad()
def fill(model, seed):
    """Random weights of a size that each layer passes on what it gets. The last norm is halved: it scales the logits, and with them the
    differences of log-probabilities between engines."""
    random = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        values = torch.randn(weight.shape, generator=random)
        if weight.ndim == 1 and "norm" in name.lower() or ".ln_" in name:
            scale = 0.5 if name in ("model.language_model.norm.weight", "model.text_model.norm.weight") else 1
            zero = 1 if type(model.get_submodule(name.rpartition(".")[0])).__name__ == "Gemma3RMSNorm" else 0
            weight.copy_(values * 0.1 if name.endswith("bias") else (values * 0.1 + 1) * scale - zero)
        elif weight.ndim == 1:
            weight.copy_(values * 0.1)
        elif "embed_tokens" in name or "lm_head" in name:
            weight.copy_(values * 0.25)
        elif "pos_embed" in name or "position_embedding" in name:
            weight.copy_(values * 0.3)
        else:
            weight.copy_(values / weight[0].numel() ** 0.5)
    return model.eval()


# ── conversion ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

def sentencepiece_vocabulary(tokenizer):
    """What the converter reads of a tokenizer.model: pieces, the likelier the earlier, and their kinds."""
    names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    kind = gguf.TokenType
    kinds = [kind.BYTE if n.startswith("<0x") else kind.UNKNOWN if n == "<unk>" else kind.CONTROL if i in tokenizer.added_tokens_decoder
             else kind.NORMAL for i, n in enumerate(names)]
    return [n.encode() for n in names], [-float(i) for i in range(len(names))], kinds


def patch_converter(pre, tokenizer):
    sys.path.insert(0, export.PACKAGE)
    from conversion.base import TextModel
    TextModel.get_vocab_base_pre = lambda self, tokenizer: pre

    def create(self):
        if pre is not None:
            raise FileNotFoundError("tokenizer.model")
        return sentencepiece_vocabulary(tokenizer)
    TextModel._create_vocab_sentencepiece = create


def convert(folder, out, name, *options):
    argv, sys.argv = sys.argv, [export.SCRIPT, folder, "--outfile", out, "--outtype", "f32", "--model-name", name, *options]
    try:
        runpy.run_path(export.SCRIPT, run_name="__main__")
    finally:
        sys.argv = argv


def save(model, processor, pre, folder):
    model.config.architectures = [type(model).__name__]
    # Under the names of the published Gemma 3, which Transformers 5 reads and no longer writes.
    state = {name.replace("vision_tower.", "vision_tower.vision_model."): value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, **(dict(state_dict=state) if "Gemma3" in type(model).__name__ else {}))
    processor.save_pretrained(folder)
    if pre is None:
        open(os.path.join(folder, "tokenizer.model"), "w").close()


def make_files(name, model, processor, pre, out):
    with tempfile.TemporaryDirectory() as folder:
        save(model, processor, pre, folder)
        patch_converter(pre, processor.tokenizer)
        convert(folder, os.path.join(out, name + ".gguf"), "Tiny " + name)
        convert(folder, os.path.join(out, name + "-mmproj.gguf"), "Tiny " + name, "--mmproj")


# ── the reference ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

class Reference:
    """Plain inference: every option's text in a pass of its own, and what the layers give."""

    def __init__(self, model, processor, side):
        self.model, self.processor, self.tokenizer, self.side = model, processor, processor.tokenizer, side
        inner = model.model
        self.decoder = inner.text_model if hasattr(inner, "text_model") else inner.language_model
        self.layers, self.patches, self.received = {}, {}, None
        for i, layer in enumerate(self.decoder.layers):
            layer.register_forward_hook(functools.partial(self.keep, self.layers, i))
        for i, layer in enumerate(self.encoder_layers(inner)):
            layer.register_forward_hook(functools.partial(self.keep, self.patches, i))
        self.decoder.register_forward_pre_hook(self.receive, with_kwargs=True)

    @staticmethod
    def encoder_layers(inner):
        if hasattr(inner, "visual"):
            return inner.visual.blocks
        return (inner.vision_model if hasattr(inner, "vision_model") else inner.vision_tower).encoder.layers

    @staticmethod
    def keep(kept, i, module, args, output):
        kept[i] = output[0] if isinstance(output, tuple) else output

    def receive(self, module, args, kwargs):
        self.received = kwargs["inputs_embeds"]

    def encode(self, images, prompt, answer=None):
        """The whole conversation, the assistant's turn left open or closed behind its answer."""
        user = [dict(type="image")] * len(images) + [dict(type="text", text=prompt)]
        messages = [dict(role="user", content=user)]
        if answer is not None:
            messages.append(dict(role="assistant", content=[dict(type="text", text=answer)]))
        text = self.processor.apply_chat_template(messages, add_generation_prompt=answer is None, tokenize=False)
        return text, self.tokens(images, text)

    def tokens(self, images, text):
        return self.processor(text=[text], images=[Image.fromarray(i) for i in images] or None, add_special_tokens=False,
                              return_mm_token_type_ids=True, return_tensors="pt")

    def run(self, inputs, more=()):
        """The logits, with more tokens behind the text."""
        inputs = dict(inputs)
        for name, value in (("input_ids", None), ("attention_mask", 1), ("mm_token_type_ids", 0), ("token_type_ids", 0)):
            if name in inputs:
                tail = [list(more) if value is None else [value] * len(more)]
                inputs[name] = torch.cat([inputs[name], torch.tensor(tail, dtype=inputs[name].dtype)], 1)
        return self.model(**inputs).logits[0].double()

    def means(self, rows):
        state = self.layers[len(self.layers) - 1][0, rows]
        return state.mean(0), self.decoder.norm(state).mean(0)

    def score(self, images, prompt, option, n_prompt):
        """Sums of log-probabilities with and without the closing tokens, and the means over the option's own tokens."""
        text, whole = self.encode(images, prompt, option)
        n_text = self.tokens(images, text[:text.rindex(option) + len(option)])["input_ids"].shape[1]
        ids = whole["input_ids"][0]
        logs = self.run(whole).log_softmax(-1)[n_prompt - 1:-1].gather(1, ids[n_prompt:, None])[:, 0]
        return float(logs.sum()), float(logs[:n_text - n_prompt].sum()), *self.means(slice(n_prompt, n_text))

    def greedy(self, inputs, n_prompt):
        answer, gap = [], np.inf
        while len(answer) < N_GENERATE and self.tokenizer.eos_token_id not in answer:
            best = self.run(inputs, answer)[-1].topk(2)
            gap = min(gap, float(best.values[0] - best.values[1]))
            answer.append(int(best.indices[0]))
        self.run(inputs, answer)
        return self.means(slice(n_prompt, n_prompt + len(answer)))[0] if gap > 0.02 else None

    def grids(self, inputs):
        if "image_grid_thw" in inputs:
            return [[h // 2, w // 2] for _, h, w in inputs["image_grid_thw"].tolist()]
        pixels = inputs["pixel_values"]
        return [[self.side, self.side]] * (pixels.shape[0] * pixels.shape[1] if pixels.ndim == 5 else pixels.shape[0])

    @torch.no_grad()
    def item(self, prompt, options, made):
        images = [pattern(**m) for m in made]
        _, inputs = self.encode(images, prompt)
        n_prompt = inputs["input_ids"].shape[1]
        self.run(inputs)
        ctx, ctx_normed = self.means(slice(n_prompt - 1, n_prompt))
        found = dict(images=made, prompt=prompt, options=options, ctx=ctx, ctx_normed=ctx_normed,
                     llm=torch.cat([self.layers[i][0, -1] for i in range(len(self.layers))]),
                     vision=torch.cat([p.reshape(-1, p.shape[-1]).mean(0) for _, p in sorted(self.patches.items())]),
                     tokens=self.received[0, inputs["input_ids"][0] == self.model.config.image_token_id].flatten(), grids=self.grids(inputs))
        scores = [self.score(images, prompt, option, n_prompt) for option in options]
        found |= dict(logprob=[s[0] for s in scores], logprob_text=[s[1] for s in scores], option_states=torch.cat([s[2] for s in scores]),
                      option_states_normed=torch.cat([s[3] for s in scores]))
        greedy = self.greedy(inputs, n_prompt)
        return found | (dict(greedy=greedy) if greedy is not None else {})


def rounded(item):
    return {name: [float(f"{v:.5g}") for v in value.tolist()] if isinstance(value, torch.Tensor) else value for name, value in item.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(args.out, exist_ok=True)
    for seed, (name, (make, pre, sizes, side)) in enumerate(FAMILIES.items()):
        if args.names and name not in args.names:
            continue
        model, processor = make()
        fill(model, seed)
        make_files(name, model, processor, pre, args.out)
        reference = Reference(model, processor, side)
        items = []
        for number, ((prompt, options), images) in enumerate(zip(QUESTIONS, sizes)):
            made = [dict(width=w, height=h, seed=2 * number + i, vary=(vary or ["both"])[0]) for i, (w, h, *vary) in enumerate(images)]
            items.append(reference.item(prompt, options, made))
        with open(os.path.join(args.out, name + ".json"), "w") as out:
            out.write("[\n" + ",\n".join(json.dumps(rounded(item), separators=(",", ":")) for item in items) + "\n]\n")


if __name__ == "__main__":
    main()
