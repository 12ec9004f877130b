"""Which options a model chooses, by the sum of log-probabilities of an option's tokens and the closing ones, as Undertow scores them."""
import collections

import torch

import data
import shape


@torch.no_grad()
def score(forward, text, scenes, chosen, images):
    """For every (kind, question) pair of every one of equally large scenes the options' scores: a list a scene of lists of tensors."""
    device = forward.model.device
    grid = forward.grid(scenes[0]["height"], scenes[0]["width"])
    pictured = scenes + ([s["partner"] for s in scenes] if images == 2 else [])
    seen, stacked = forward.see(grid, data.patches(pictured, device))
    beside = lambda t: torch.cat(t.split(len(scenes)), 1)
    prefix = [torch.tensor(text.ids(t), device=device) for t in (shape.PREFIX, shape.BETWEEN)[:images]]
    # Every option is a row of its own.
    rows = [[(kind, q) for kind, q in questions for _ in q["options"]] for questions in chosen]
    answers = [option for questions in chosen for _, q in questions for option in q["options"]]
    group = data.question_group(scenes, rows, text, images, device, answers=answers)
    states = forward.decode(grid, beside(seen), [beside(t) for t in stacked], prefix, [group])[-1][0]
    place, token = group["goals"][:, :2].long().T
    logs = forward.logits(states.flatten(0, 1)).log_softmax(-1)[place, token]
    k = group["keep"].shape[1]
    sums = torch.zeros(len(group["keep"]), device=device).index_add_(0, place // k, logs).tolist()
    at = iter(sums)
    return [[[next(at) for _ in q["options"]] for _, q in questions] for questions in chosen]


def accuracies(forward, text, scenes, each=1, kind=2):
    """For each category a list of whether each answer was right. Of a scene `each` questions of a category, twice as many of presence;
    kind is 2 for multiple choice, 1 for the open form."""
    right = collections.defaultdict(list)
    for scene in scenes:
        for images in (1, 2) if scene["partner"] else (1,):
            chosen = []
            for category, questions in scene["by"].items():
                if (category == data.PAIR) == (images == 2):
                    asked = (0, 2 * each) if category in data.PRESENCE else (kind, each)
                    chosen += [(asked[0], q) for q in questions[:asked[1]]]
            if not chosen:
                continue
            for (_, q), scores in zip(chosen, score(forward, text, [scene], [chosen], images)[0]):
                right[q["category"]].append(scores.index(max(scores)) == q["answer"])
    return right
