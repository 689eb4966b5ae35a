"""Prompts and pictures to text states: Qwen2.5-VL from transformers, driven by our own loader."""
