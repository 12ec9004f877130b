"""The bundled model's configuration, tokenizer and prompts: what training, export and reference share."""
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

PATCH, MERGE = 16, 2
CELL = PATCH * MERGE  # pixels a side of what becomes one token of the language model
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]

# Qwen2's own, as llama.cpp's pre-tokenizer "qwen2" has it.
PRETOKENIZER = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

CHAT_TEMPLATE = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.content is string -%}{{- message.content -}}"
    "{%- else -%}{%- for part in message.content -%}"
    "{%- if part.type == 'image' or 'image' in part -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif 'text' in part -%}{{- part.text -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{{- '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}")

USER = "<|im_start|>user\n"
PREFIX = USER + "<|vision_start|>"
BETWEEN = "<|vision_end|><|vision_start|>"  # two images
TURN = "<|im_end|>\n<|im_start|>assistant\n"
CLOSING = "<|im_end|>\n"


def prompt_presence(question):
    return f"Question: {question}\nAnswer with exactly one word: Yes or No."


def prompt_open(question):
    return f"Question: {question}\nPlease answer the question concisely."


def prompt_mcq(question, options):
    lines = "\n".join(f"{chr(65 + i)}. {option}" for i, option in enumerate(options))
    return f"Question: {question}\nOptions:\n{lines}\nPlease select the correct answer from the options above."


def with_pipeline(tokenizer):
    """Everything around the merges, as Qwen2 has it."""
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRETOKENIZER), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def make_tokenizer(texts):
    tokenizer = with_pipeline(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(vocab_size=640, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                  special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIALS])
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def padded(tokenizer):
    """The rows of the embedding table: ggml quantises in blocks of 32."""
    return (tokenizer.get_vocab_size() + 31) // 32 * 32


# Large has most of its parameters where few tokens pass: in the mergers, which see one token a cell and not four. Each of the deepstack's
# mergers adds what an encoder layer has seen to a decoder layer, as in Qwen3-VL.
SIZES = {
    "small": dict(vision=dict(hidden_size=48, depth=3, num_heads=3, deepstack_visual_indexes=[0]),
                  text=dict(hidden_size=96, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1)),
    "medium": dict(vision=dict(hidden_size=96, depth=4, num_heads=3, deepstack_visual_indexes=[1]),
                   text=dict(hidden_size=160, num_hidden_layers=4, num_attention_heads=5, num_key_value_heads=1)),
    "large": dict(vision=dict(hidden_size=192, depth=4, num_heads=6, deepstack_visual_indexes=[0, 1, 2]),
                  text=dict(hidden_size=256, num_hidden_layers=5, num_attention_heads=8, num_key_value_heads=2)),
}


def make_config(tokenizer, vision, text, patch=PATCH, positions=16 * 16):
    """vision and text as in SIZES; positions is the number of learnt patch positions."""
    token = tokenizer.token_to_id
    return Qwen3VLConfig(
        text_config=dict(
            **text, vocab_size=padded(tokenizer), intermediate_size=2 * text["hidden_size"], head_dim=32, max_position_embeddings=4096,
            rms_norm_eps=1e-6, tie_word_embeddings=True,
            bos_token_id=token("<|endoftext|>"), eos_token_id=token("<|im_end|>"), pad_token_id=token("<|endoftext|>"),
            rope_parameters=dict(rope_type="default", rope_theta=1000.0, mrope_section=[6, 5, 5], mrope_interleaved=True)),
        vision_config=dict(
            **vision, intermediate_size=2 * vision["hidden_size"], patch_size=patch, spatial_merge_size=MERGE, temporal_patch_size=2,
            out_hidden_size=text["hidden_size"], num_position_embeddings=positions),
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"), vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True, dtype="float32")


def make_model(config):
    return Qwen3VLForConditionalGeneration(config).eval()


def save_checkpoint(folder, model, tokenizer):
    """A folder as the Hub has them, for llama.cpp's converter."""
    os.makedirs(folder, exist_ok=True)
    model.config.architectures = ["Qwen3VLForConditionalGeneration"]
    model.save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    write = lambda name, value: json.dump(value, open(os.path.join(folder, name), "w"), indent=1)
    write("tokenizer_config.json", dict(
        tokenizer_class="Qwen2Tokenizer", add_prefix_space=False, add_bos_token=False, model_max_length=4096,
        eos_token="<|im_end|>", pad_token="<|endoftext|>", bos_token=None, unk_token=None, chat_template=CHAT_TEMPLATE,
        added_tokens_decoder={str(tokenizer.token_to_id(t)): dict(content=t, special=True, normalized=False, lstrip=False,
                                                                   rstrip=False, single_word=False) for t in SPECIALS}))
    write("preprocessor_config.json", dict(
        image_processor_type="Qwen2VLImageProcessorFast", patch_size=PATCH, temporal_patch_size=2, merge_size=MERGE,
        image_mean=[.5, .5, .5], image_std=[.5, .5, .5], size=dict(shortest_edge=8 * CELL * CELL, longest_edge=4096 * CELL * CELL)))
    # The converter reads vocab.json and merges.txt in some paths.
    model_json = json.loads(tokenizer.to_str())["model"]
    write("vocab.json", model_json["vocab"])
    with open(os.path.join(folder, "merges.txt"), "w") as out:
        out.write("#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in model_json["merges"]))
