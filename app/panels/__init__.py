"""The panels beside the canvas: each shows one part of the state and knows no sibling."""
