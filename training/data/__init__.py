"""Training data: synthetic posters with captions and edit instructions, and what feeds them in."""
