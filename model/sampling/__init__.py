"""From noise to latents: schedule, guidance and the one denoise loop."""
