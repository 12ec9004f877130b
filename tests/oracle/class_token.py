#!/usr/bin/env python3
"""Vision halves with a class token, which libmtmd reads wrongly, and what the decoder should receive of an image.

    ./dev -n reference python3 tests/oracle/class_token.py tests/data/architectures

writes internvl-mmproj.gguf and llava-mmproj.gguf, with random weights and F32, for the decoder of smolvlm.gguf, and internvl.json, as
architectures.py does, with `images`, `prompt`, `options`, `grids` and `tokens` alone. The converter knows no LLaVA and InternVL only from
its authors' own code, so both are written tensor by tensor.
"""
import json
import os
import sys

import gguf
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, InternVLConfig, InternVLModel

from architectures import QUESTIONS, WIDTH, pattern, rounded

SIDE, PATCH, VISION_WIDTH, HIDDEN, N_HEADS = 32, 4, 32, 32, 2
SHAPE = dict(hidden_size=VISION_WIDTH, intermediate_size=HIDDEN, num_attention_heads=N_HEADS)

LAYER = {"attn_q": "q_proj", "attn_k": "k_proj", "attn_v": "v_proj", "ffn_up": "fc1", "ffn_down": "fc2"}
CLIP_LAYER = LAYER | {"attn_out": "out_proj", "ln1": "layer_norm1", "ln2": "layer_norm2"}
INTERNVL_LAYER = LAYER | {"attn_out": "projection_layer", "ln1": "layernorm_before", "ln2": "layernorm_after"}


@torch.no_grad()
def fill(model, seed):
    """Random weights; positions as large as patches, so that one more or less is seen."""
    random = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        values = torch.randn(weight.shape, generator=random)
        if "norm" in name and name.endswith("weight") or "lambda" in name:
            weight.copy_(1 + 0.1 * values)
        elif weight.ndim == 1 and "class" not in name:
            weight.copy_(0.1 * values)
        elif "position" in name or "cls" in name or "class" in name:
            weight.copy_(0.5 * values)
        else:
            weight.copy_(values / weight[0].numel() ** 0.5)
    return model.eval()


class Writer:
    def __init__(self, path, projector, config):
        self.gguf = gguf.GGUFWriter(path, "clip")
        self.gguf.add_type("mmproj")
        self.gguf.add_file_type(gguf.LlamaFileType.ALL_F32)
        self.gguf.add_clip_has_vision_encoder(True)
        self.gguf.add_clip_projector_type(projector)
        self.gguf.add_vision_projection_dim(WIDTH)
        self.gguf.add_vision_image_size(SIDE)
        self.gguf.add_vision_patch_size(PATCH)
        self.gguf.add_vision_embedding_length(VISION_WIDTH)
        self.gguf.add_vision_feed_forward_length(HIDDEN)
        self.gguf.add_vision_block_count(config.num_hidden_layers)
        self.gguf.add_vision_head_count(N_HEADS)
        self.gguf.add_vision_attention_layernorm_eps(config.layer_norm_eps)
        self.gguf.add_vision_image_mean([0.5] * 3)
        self.gguf.add_vision_image_std([0.5] * 3)

    def add(self, name, value):
        self.gguf.add_tensor(name, value.detach().contiguous().numpy())

    def add_module(self, name, module):
        self.add(name + ".weight", module.weight)
        if module.bias is not None:
            self.add(name + ".bias", module.bias)

    def add_layer(self, i, layer, names):
        modules = {path.rpartition(".")[2]: module for path, module in layer.named_modules()}
        for name, theirs in names.items():
            self.add_module(f"v.blk.{i}.{name}", modules[theirs])

    def close(self):
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()


def llava(path):
    clip = fill(CLIPVisionModel(CLIPVisionConfig(**SHAPE, num_hidden_layers=2, image_size=SIDE, patch_size=PATCH)), 11)
    projector = fill(torch.nn.Sequential(torch.nn.Linear(VISION_WIDTH, WIDTH), torch.nn.GELU(), torch.nn.Linear(WIDTH, WIDTH)), 12)
    writer = Writer(path, "mlp", clip.config)
    parts = dict(clip.named_modules())
    embeddings, encoder = (next(m for n, m in parts.items() if n.endswith(end)) for end in ("embeddings", "encoder"))
    writer.add("v.class_embd", embeddings.class_embedding)
    writer.add_module("v.patch_embd", embeddings.patch_embedding)
    writer.add("v.position_embd.weight", embeddings.position_embedding.weight)
    writer.add_module("v.pre_ln", next(m for n, m in parts.items() if n.endswith("pre_layrnorm")))
    for i, layer in enumerate(encoder.layers):
        writer.add_layer(i, layer, CLIP_LAYER)
    writer.add_module("mm.0", projector[0])
    writer.add_module("mm.2", projector[2])
    writer.close()


def internvl(path):
    text = dict(model_type="qwen2", hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, vocab_size=32)
    vision = dict(**SHAPE, num_hidden_layers=1, image_size=[SIDE, SIDE], patch_size=[PATCH, PATCH], attention_bias=True, use_qk_norm=False)
    model = fill(InternVLModel(InternVLConfig(vision_config=vision, text_config=text, downsample_ratio=0.5, vision_feature_layer=-1)), 13)
    embeddings = model.vision_tower.embeddings
    writer = Writer(path, "internvl", model.config.vision_config)
    writer.gguf.add_vision_use_gelu(True)
    writer.gguf.add_vision_projector_scale_factor(2)
    writer.add("v.class_embd", embeddings.cls_token[0, 0])
    writer.add_module("v.patch_embd", embeddings.patch_embeddings.projection)
    writer.add("v.position_embd.weight", embeddings.position_embeddings[0])
    for i, layer in enumerate(model.vision_tower.encoder.layer):
        writer.add_layer(i, layer, INTERNVL_LAYER)
        writer.add(f"v.blk.{i}.ls1.weight", layer.lambda_1)
        writer.add(f"v.blk.{i}.ls2.weight", layer.lambda_2)
    projector = model.multi_modal_projector
    for i, module in ((0, projector.layer_norm), (1, projector.linear_1), (3, projector.linear_2)):
        writer.add_module(f"mm.model.mlp.{i}", module)
    writer.close()
    return lambda pixels: model.get_image_features(pixels, vision_feature_layer=-1, vision_feature_select_strategy="default").pooler_output, \
        SIDE // PATCH // 2


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    out = sys.argv[1]
    llava(os.path.join(out, "llava-mmproj.gguf"))
    encode, side = internvl(os.path.join(out, "internvl-mmproj.gguf"))
    made = dict(width=SIDE, height=SIDE, seed=0, vary="both")
    pixels = torch.tensor(pattern(**made)).permute(2, 0, 1)[None].float() / 127.5 - 1
    item = dict(images=[made], prompt=QUESTIONS[0][0], options=QUESTIONS[0][1], grids=[[side, side]], tokens=encode(pixels).flatten())
    with open(os.path.join(out, "internvl.json"), "w") as file:
        json.dump([rounded(item)], file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
