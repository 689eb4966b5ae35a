"""Full and incremental training of the models in `model`. Knows neither Qt nor app."""
