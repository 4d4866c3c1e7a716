"""Conversations in and out: what files say, and how it is stored."""
