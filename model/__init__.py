"""Qwen-Image in plain PyTorch: networks, sampling, files. Knows neither Qt, app nor training."""
