"""Savings that change no picture: what is computed once, kept, or left in its file."""
