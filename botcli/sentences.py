"""Marks what the bot says, for who imports nothing of the bot: languages.py takes seconds, and the extra `bot`."""


def later(text: str) -> str:
    """The text as it is: it stands in the catalogs, and is translated where it is said."""
    return text
