"""Weights in few bits: what each scheme stores, and the numbers it stands for."""
