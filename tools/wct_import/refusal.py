"""The one exception that a user gets to see, and how foreign text may stand in it."""

TEXT_MAX = 80


class Refusal(Exception):
    """One sentence: what, where, what to do."""


def shown(text):
    """Text from a file as it may stand in a sentence: short, on one line, nothing that a terminal obeys."""
    text = str(text)
    text = "".join(c if c.isprintable() else "?" for c in text[:TEXT_MAX + 1])
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"
