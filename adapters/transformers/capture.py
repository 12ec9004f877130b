"""Where representations are read: the decoder's layers and final norm, the vision encoder's layers, and what the projector makes of it."""
import math

import torch
from torch import nn

VISION_NAMES = ("visual", "vision_tower", "vision_model", "vision_encoder")


def first(output):
    return output[0] if isinstance(output, tuple) else output


def find_decoder(model):
    """The text model: what has decoder layers and a final norm."""
    base = model.base_model
    for module in (getattr(base, "language_model", None), model.get_decoder(), base):
        if isinstance(getattr(module, "layers", None), nn.ModuleList) and isinstance(getattr(module, "norm", None), nn.Module):
            return module
    raise SystemExit(f"{type(model).__name__} has no decoder with layers and a norm: its states cannot be read")


def find_encoder_layers(base):
    """The longest list of blocks in the vision encoder; None where there is no encoder under a known name."""
    tower = next((getattr(base, name) for name in VISION_NAMES if isinstance(getattr(base, name, None), nn.Module)), None)
    lists = [m for m in tower.modules() if isinstance(m, nn.ModuleList)] if tower is not None else []
    return max(lists, key=len, default=None)


class States:
    """What the decoder's last pass left behind."""

    def __init__(self, decoder):
        self.raw = self.normed = None
        self.layers, self.wanted = {}, False
        decoder.norm.register_forward_hook(self.keep_norm)
        for i, layer in enumerate(decoder.layers):
            layer.register_forward_hook(lambda module, args, output, i=i: self.keep_layer(i, output))

    def keep_norm(self, module, args, output):
        self.raw, self.normed = args[0], output

    def keep_layer(self, i, output):
        if self.wanted:
            self.layers[i] = first(output)


class Vision:
    """Stands in for the model's own get_image_features, so that an image is encoded once however many prompts are asked on it."""

    def __init__(self, model):
        self.base = model.base_model
        self.config = model.config
        self.compute = self.base.get_image_features
        self.base.get_image_features = self.features
        self.known, self.key = {}, None
        self.layers = {}
        self.has_class_token = getattr(self.config, "vision_feature_select_strategy", None) == "default"
        for i, layer in enumerate(find_encoder_layers(self.base) or []):
            layer.register_forward_hook(lambda module, args, output, i=i: self.keep_layer(i, output))
        if hasattr(self.base, "pack_image_features"):
            self.pack = self.base.pack_image_features
            self.base.pack_image_features = self.keep_packed
        self.packed = None

    def forget(self):
        self.known = {}

    def keep_layer(self, i, output):
        # The mean over the patches, of all images together; a class token is no patch.
        patches = first(output)
        patches = patches[:, 1:] if self.has_class_token and patches.dim() == 3 else patches
        self.layers[i] = patches.reshape(-1, patches.shape[-1]).float().mean(0)

    def keep_packed(self, image_features, image_sizes, image_newline=None, **options):
        """LLaVA-NeXT and -OneVision lay an image's tiles together, cut the padding off and put a token behind every row, which is none of
        the image's. Markers in place of features tell where these come to stand."""
        packed = self.pack(image_features, image_sizes, image_newline=image_newline, **options)
        markers = [tiles.new_zeros(*tiles.shape[:2], 1).float() for tiles in image_features]
        marked, _ = self.pack(markers, image_sizes, image_newline=torch.full((1,), math.nan, device=markers[0].device), **options)
        self.packed = [(tokens, mark[:, 0].isnan(), tiles.shape[1]) for tokens, mark, tiles in zip(packed[0], marked, image_features)]
        return packed

    def features(self, *args, **kwargs):
        if self.key not in self.known:
            self.layers, self.packed = {}, None
            output = self.compute(*args, **kwargs)
            self.known[self.key] = output, self.packed, [self.layers[i] for i in sorted(self.layers)]
        return self.known[self.key][0]

    def tokens(self, key, inputs):
        """What the decoder receives in place of the images, [tokens, n_embd]; and the grids they lie on, [t, h, w] each."""
        output, packed, _ = self.known[key]
        if packed is not None:
            pieces = [piece for one in packed for piece in unpack(*one)]
            return torch.cat([tokens for tokens, _ in pieces]), [grid for _, grid in pieces]
        pooled = output.pooler_output
        pieces = [pooled] if isinstance(pooled, torch.Tensor) and pooled.dim() == 2 else list(pooled)
        if "image_grid_thw" in inputs:
            merge = self.config.vision_config.spatial_merge_size
            grids = [[t, h // merge, w // merge] for t, h, w in inputs["image_grid_thw"].tolist()]
        else:
            grids = [square(len(piece)) for piece in pieces]
        return torch.cat(pieces), grids

    def encoder_layers(self, key):
        """[layers, width]: the mean over the patches after each; None where the encoder is of another kind."""
        layers = self.known[key][2]
        return torch.stack(layers) if layers else None


def square(n):
    side = math.isqrt(n)
    if side * side != n:
        raise ValueError(f"how {n} vision tokens lie is not known")
    return [1, side, side]


def unpack(tokens, is_newline, n_tile):
    """The whole image small, and its tiles laid together in rows, each with its grid."""
    pieces = [(tokens[:n_tile], square(n_tile))]
    rest, ends = tokens[n_tile:], is_newline[n_tile:]
    width = int(ends.int().argmax()) if ends.any() else 0
    if width > 0:
        pieces.append((rest[~ends], [1, int(ends.sum()), width]))
    return pieces
