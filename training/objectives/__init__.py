"""Objectives: what a loss compares. Each is pure tensor arithmetic and knows no sibling."""
