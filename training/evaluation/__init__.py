"""Checks that judge a model by its pictures alone."""
