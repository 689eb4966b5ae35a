"""Qwen-Image in plain PyTorch: networks, sampling, checkpoints. Knows neither Qt, app nor training."""
