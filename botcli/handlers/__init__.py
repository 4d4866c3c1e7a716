"""What the bot says to an update, one module a subject; each builds a router, since aiogram's have one parent."""
