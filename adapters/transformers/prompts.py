"""Words to tokens: the chat template around a prompt, and which tokens of a whole turn are the answer's."""
from dataclasses import dataclass


@dataclass
class Answer:
    """An answer's tokens behind the last image, the prompt's in front of them."""

    ids: list
    start: int  # the first that is the answer's
    end: int  # behind the last of its text: from here on the template closes the turn


def common(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


class Prompts:
    def __init__(self, processor):
        self.processor, self.tokenizer = processor, getattr(processor, "tokenizer", processor)
        self.template = processor.chat_template or self.tokenizer.chat_template
        if not self.template:
            raise SystemExit("the model's processor has no chat template: name a file with one by --chat-template")
        user, words = {"role": "user", "content": [{"type": "text", "text": "user's words"}]}, "assistant's words"
        opened = self.render([user], True)
        whole = self.render([user, {"role": "assistant", "content": [{"type": "text", "text": words}]}], False)
        if not whole.startswith(opened) or words not in whole:
            raise SystemExit("the chat template does not write an answer behind the opened turn")
        self.image = self.find_placeholder()
        # What stands between the opened turn and the answer, and what ends the turn.
        self.lead, self.closing = whole[len(opened):].split(words, 1)

    def render(self, messages, opened):
        return self.processor.apply_chat_template(messages, chat_template=self.template, tokenize=False, add_generation_prompt=opened)

    def find_placeholder(self):
        """What the template writes for an image, in whose place the processor puts tokens."""
        text = self.render([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "user's words"}]}], True)
        for name in ("image_token", "boi_token"):
            token = getattr(self.processor, name, None)
            if isinstance(token, str) and text.count(token) == 1:
                return token
        raise SystemExit("the chat template writes no image token that the processor knows")

    def open(self, parts):
        """The user's turn and the start of the answer's, parted behind the last image: (head, tail); head is None without images."""
        content = [{"type": "image"} if "image" in part else {"type": "text", "text": part["text"]} for part in parts]
        text = self.render([{"role": "user", "content": content}], True)
        n_images = sum("image" in part for part in parts)
        if text.count(self.image) != n_images:
            raise ValueError(f"the prompt has {text.count(self.image)} times the image token {self.image} for {n_images} images")
        head, image, tail = text.rpartition(self.image)
        return (head + image, tail) if n_images > 0 else (None, text)

    def begins_with_special(self, text):
        bos = self.tokenizer.bos_token
        return bos is not None and text.startswith(bos)

    def ids(self, tail, after_image):
        """Tokens of the text behind the last image, or of the whole prompt where there is none. A tokenizer may look at what stands before,
        so the image's token goes with it."""
        if not after_image:
            return self.tokenizer(tail, add_special_tokens=not self.begins_with_special(tail)).input_ids
        first, *ids = self.tokenizer(self.image + tail, add_special_tokens=False).input_ids
        if first != self.tokenizer.convert_tokens_to_ids(self.image):
            raise ValueError(f"{self.image} is not one token")
        return ids

    def answer(self, tail, words, after_image):
        """Prompt, answer and closing are tokenised together, and parted where they begin to differ from what has less."""
        whole = self.ids(tail + self.lead + words + self.closing, after_image)
        start = common(whole, self.ids(tail, after_image))
        end = max(common(whole, self.ids(tail + self.lead + words, after_image)), start)
        if start == 0 or start == len(whole):
            raise ValueError(f"no token of the turn is the answer's alone: “{words}”")
        return Answer(whole, start, end)
