"""The model's forward on images shared by many questions, for training and for scoring.

An image's prefix is computed once, and every question attends to it and to itself, with positions that go on after the image. Plain
inference on one question computes the same (models/check.py holds the two together). A question on two images has both in its prefix;
a question on the first alone sees the part of the prefix up to it.

Matrix products are in bfloat16 while training, all the rest in float32: on a CPU with bfloat16 instructions that is twice as fast as
float32 alone, where attention in bfloat16 would be many times slower.
"""
import torch
import torch.nn.functional as F
from transformers.vision_utils import get_vision_bilinear_indices_and_weights, get_vision_position_ids

from shape import MERGE, PATCH


class Grid:
    """What depends on an image's size alone."""

    def __init__(self, model, height, width):
        gh, gw = height // PATCH, width // PATCH
        self.cells, self.span = gh * gw // MERGE ** 2, max(gh, gw) // MERGE
        thw = torch.tensor([[1, gh, gw]], device=model.device)
        visual = model.model.visual
        self.corners, self.weights = get_vision_bilinear_indices_and_weights(thw, visual.num_grid_per_side, MERGE)
        angles = visual.rotary_pos_emb(get_vision_position_ids(thw, MERGE)).reshape(gh * gw, 1, -1)
        self.angles = angles.cos(), angles.sin()
        self.positions = model.model.get_vision_position_ids(0, torch.tensor([1, gh, gw], device=model.device), 1, MERGE)


class Rotate(torch.autograd.Function):
    """Rotary embedding of [..., heads, d] by angles [..., 1, d/2]; the gradient is turned back."""

    @staticmethod
    def turn(x, cos, sin):
        a, b = x.chunk(2, -1)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        first, second = out.chunk(2, -1)
        torch.mul(a, cos, out=first).addcmul_(b, sin, value=-1)
        torch.mul(b, cos, out=second).addcmul_(a, sin)
        return out

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return Rotate.turn(x, cos, sin)

    @staticmethod
    def backward(ctx, grad):
        cos, sin = ctx.saved_tensors
        return Rotate.turn(grad, cos, -sin), None, None


class Normalise(torch.autograd.Function):
    """x / √(mean x² + ε) over the last dimension: the library's RMSNorm less its weight, in few passes over memory."""

    @staticmethod
    def forward(ctx, x, epsilon):
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx, grad):
        y, scale = ctx.saved_tensors
        along = torch.linalg.vecdot(grad, y).unsqueeze(-1).div_(y.shape[-1])
        return torch.addcmul(grad, y, along, value=-1).mul_(scale), None


def norm(x, module):
    return Normalise.apply(x, module.variance_epsilon)


class Noise:
    """Factors about 1, Gaussian, taken from a pool at random places: drawing them anew would cost as much as a small product."""

    def __init__(self, deviation, pool):
        self.deviation, self.pool = deviation, pool

    @classmethod
    def draw(cls, deviation, dtype, device):
        return cls(deviation, (1 + deviation * torch.randn(2 ** 23, device=device)).to(dtype))

    def __call__(self, x):
        at = int(torch.randint(len(self.pool) - x.numel(), ()))
        return x * self.pool[at:at + x.numel()].view_as(x)


class Forward:
    """noise, a Noise, is put on what goes into every product: an engine that rounds there then moves a trained model less. amplify is
    about how many times the error of GELU's usual approximation is added in the mergers, with either sign: ggml approximates there, and an
    error that is the same everywhere adds up where noise does not."""

    def __init__(self, model, dtype=torch.float32):
        self.model, self.dtype, self.grids, self.noise, self.amplify = model, dtype, {}, None, 0

    def grid(self, height, width):
        if (height, width) not in self.grids:
            self.grids[height, width] = Grid(self.model, height, width)
        return self.grids[height, width]

    def linear(self, x, *layers, scale=None):
        """The layers' outputs side by side; scale is a preceding norm's weight, put into the matrices."""
        weight = torch.cat([l.weight for l in layers]) if len(layers) > 1 else layers[0].weight
        if scale is not None:
            weight = weight * scale
        bias = layers[0].bias
        return F.linear(self.input(x), weight.to(self.dtype), None if bias is None else bias.to(self.dtype))

    def input(self, x):
        x = x.to(self.dtype)
        return self.noise(x) if self.noise else x

    def merge(self, merger, x):
        """The patches of each cell become one token of the language model; [n, patches, d] to [n, cells, width]."""
        n, p, d = x.shape
        wide = (n, p // MERGE ** 2, d * MERGE ** 2)
        x = merger.norm(x.view(wide)) if merger.use_postshuffle_norm else merger.norm(x).view(wide)
        x = self.linear(x, merger.linear_fc1)
        y = F.gelu(x)
        if self.amplify:
            y = y + self.amplify * torch.randn((), device=x.device).item() * (F.gelu(x, approximate="tanh") - y)
        return self.linear(y, merger.linear_fc2).float()

    def see(self, grid, x):
        """The vision tower on equally large images [n, patches, 3·16·16]: their tokens and the deepstack's, [n, cells, width] each."""
        v = self.model.model.visual
        conv = v.patch_embed.proj
        x = F.linear(self.input(x), conv.weight.sum(2).flatten(1).to(self.dtype)).float()  # both frames are the same picture
        x = x + ((v.pos_embed(grid.corners) * grid.weights[:, :, None]).sum(0) + conv.bias)
        n, p, d = x.shape
        stacked = []
        for i, block in enumerate(v.blocks):
            a = block.attn
            turned, value = self.linear(block.norm1(x), a.qkv).view(n, p, 3, a.num_heads, -1).split([2, 1], 2)
            turned = Rotate.apply(turned.flatten(2, 3).float(), *grid.angles).view(n, p, 2, a.num_heads, -1)
            q, k = turned.permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, value[:, :, 0].float().transpose(1, 2))
            x = x + self.linear(y.transpose(1, 2).reshape(n, p, d), a.proj)
            x = x + self.linear(block.mlp.act_fn(self.linear(block.norm2(x), block.mlp.linear_fc1)), block.mlp.linear_fc2)
            if i in v.deepstack_visual_indexes:
                stacked.append(self.merge(v.deepstack_merger_list[len(stacked)], x))
        return self.merge(v.merger, x), stacked

    def prefix(self, grid, seen, stacked, texts):
        """What all questions share: text, image and so on in turn. seen [n, images·cells, width]; texts has the token ids before each
        image. Gives embeddings [n, p, width], what the deepstack adds to them, positions [3, p], and for each image where the prefix
        ends with it: (length, next position)."""
        embed = self.model.model.language_model.embed_tokens
        n, _, width = seen.shape
        parts, added, positions, ends, at, length = [], [[] for _ in stacked], [], [], 0, 0
        for image, ids in enumerate(texts):
            cells = slice(image * grid.cells, (image + 1) * grid.cells)
            parts += [embed(ids).expand(n, -1, -1), seen[:, cells]]
            for total, one in zip(added, stacked):
                total += [one.new_zeros(n, len(ids), width), one[:, cells]]
            positions += [torch.arange(at, at + len(ids), device=seen.device).expand(3, -1), grid.positions + (at + len(ids))]
            at += len(ids) + grid.span
            length += len(ids) + grid.cells
            ends.append((length, at))
        return torch.cat(parts, 1), [torch.cat(total, 1) for total in added], torch.cat(positions, 1), ends

    def decode(self, grid, seen, stacked, texts, groups):
        """The language model on a prefix and on groups of questions. A group has ids [n·q, s], the number of images it sees, and keep
        [n·q, k]: the tokens whose states after the last layer are wanted. Gives per group the states after every layer but the last,
        [n·q, s, width], and after the last, [n·q, k, width]."""
        lm = self.model.model.language_model
        prefix, added, positions, ends = self.prefix(grid, seen, stacked, texts)
        rows = Rows([prefix] + [lm.embed_tokens(g["ids"]) for g in groups])
        at = [positions] + [(torch.arange(g["ids"].shape[1], device=seen.device) + ends[g["images"] - 1][1]).expand(3, -1) for g in groups]
        half = lambda t: t[0, :, None, :t.shape[-1] // 2]
        angles = [tuple(half(t) for t in lm.rotary_emb(prefix, p[:, None])) for p in at]
        masks = [None] + [torch.ones(s, s, dtype=torch.bool, device=seen.device).tril() for s in (g["ids"].shape[1] for g in groups)]
        x, states = rows.flat, []
        for layer, block in enumerate(lm.layers):
            a = block.self_attn
            last = layer == len(lm.layers) - 1
            heads = lambda t: t.view(*t.shape[:-1], -1, a.head_dim)
            h = norm(x, block.input_layernorm)
            scale = block.input_layernorm.weight
            if not last:
                q, k, v = self.linear(h, a.q_proj, a.k_proj, a.v_proj, scale=scale).float().split(
                    [m.weight.shape[0] for m in (a.q_proj, a.k_proj, a.v_proj)], 1)
            else:  # only the kept tokens matter from here on
                k, v = self.linear(h, a.k_proj, a.v_proj, scale=scale).float().chunk(2, 1)
            keys = [Rotate.apply(part, *angle) for part, angle in zip(rows.cut(norm(heads(k), a.k_norm) * a.k_norm.weight), angles)]
            values = rows.cut(heads(v))
            if last:
                keeps = [g["keep"] for g in groups]
                x, h = rows.pick(x, keeps), rows.pick(h, keeps)
                rows = Rows.like([None] + [keep.shape for keep in keeps])
                q = self.linear(h, a.q_proj, scale=scale).float()
                angles = [None] + [tuple(c[keep] for c in angle) for angle, keep in zip(angles[1:], keeps)]
                masks = [None] + [mask[keep][:, None] for mask, keep in zip(masks[1:], keeps)]
            out = []
            for i, part in enumerate(rows.cut(norm(heads(q), a.q_norm) * a.q_norm.weight)):
                if part is None:
                    continue
                part = Rotate.apply(part, *angles[i])
                if i == 0:
                    y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (part, keys[0], values[0])), is_causal=True, enable_gqa=True)
                else:
                    length = ends[groups[i - 1]["images"] - 1][0]
                    y = self.attend(part, keys[0][:, :length], values[0][:, :length], keys[i], values[i], masks[i], a.scaling)
                out.append(y.transpose(1, 2).reshape(-1, a.o_proj.in_features))
            x = x + self.linear(torch.cat(out), a.o_proj)
            gate, up = self.linear(norm(x, block.post_attention_layernorm), block.mlp.gate_proj, block.mlp.up_proj,
                                   scale=block.post_attention_layernorm.weight).chunk(2, 1)
            x = x + self.linear(F.silu(gate) * up, block.mlp.down_proj)
            if layer < len(added):
                first = added[layer].flatten(0, 1)
                x = torch.cat([x[:len(first)] + first, x[len(first):]])
            states.append(rows.cut(x)[1:])
        return states

    def attend(self, q, k0, v0, k, v, mask, scale):
        """Attention of n·per questions, [n·per, s, heads, d], to their image's prefix and causally to themselves. The questions of an
        image stand side by side, so that one product takes them to the image's keys and none of those is copied. Heads that share keys
        stand side by side as well. Gives [n·per, heads, s, d]."""
        m, s, heads, d = q.shape
        n, p, shared, _ = k0.shape
        per, each, own = m // n, heads // shared, k.shape[1]
        q = (q * scale).to(self.dtype).view(m, s, shared, each, d).permute(0, 2, 3, 1, 4)  # [m, shared, each, s, d]
        wide = lambda t: t.reshape(n, per, shared, each * s, -1).transpose(1, 2).reshape(n * shared, per * each * s, -1)
        narrow = lambda t: t.view(n, shared, per, each * s, -1).transpose(1, 2).reshape(m, shared, each, s, -1)
        k0, v0, k, v = (t.to(self.dtype).transpose(1, 2).flatten(0, 1) for t in (k0, v0, k, v))
        far = narrow(wide(q) @ k0.transpose(1, 2))
        near = (q.reshape(m * shared, each * s, d) @ k.transpose(1, 2)).view(m, shared, each, s, own)
        near = near.masked_fill(~(mask if mask.dim() == 2 else mask[:, None]), float("-inf"))
        weights = torch.cat([far, near], -1).float().softmax(-1).to(self.dtype)
        far, near = weights.split([p, own], -1)
        y = narrow(wide(far) @ v0) + (near.reshape(m * shared, each * s, own) @ v).view(m, shared, each, s, d)
        return y.reshape(m, heads, s, d)

    def logits(self, states):
        lm = self.model.model.language_model
        weight = self.model.lm_head.weight * lm.norm.weight
        return F.linear(norm(states, lm.norm).to(self.dtype), weight.to(self.dtype)).float()


class Rows:
    """Tokens of several blocks [n, s, …] under each other, so that one product takes them all, and the way back."""

    def __init__(self, blocks):
        self.sizes = [b.shape[:2] for b in blocks]
        self.flat = torch.cat([b.flatten(0, 1) for b in blocks])

    @classmethod
    def like(cls, sizes):
        rows = cls.__new__(cls)
        rows.sizes = sizes
        return rows

    def cut(self, x):
        parts = iter(x.split([size[0] * size[1] for size in self.sizes if size]))
        return [next(parts).view(*size, *x.shape[1:]) if size else None for size in self.sizes]

    def pick(self, x, keeps):
        """Of every block but the first the rows in keep, [n, k] each, under each other."""
        parts = [part.gather(1, keep[..., None].expand(-1, -1, x.shape[1])) for part, keep in zip(self.cut(x)[1:], keeps)]
        return torch.cat([part.flatten(0, 1) for part in parts])
