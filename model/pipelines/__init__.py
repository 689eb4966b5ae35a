"""The tasks: each prepares tokens, positions and text states for the one denoise loop."""
