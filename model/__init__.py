"""Qwen-Image in plain PyTorch: networks, sampling, pipelines, checkpoints. Knows neither Qt, app nor training."""
