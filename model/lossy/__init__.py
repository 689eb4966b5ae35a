"""Ways to draw faster that change the picture: off unless a request asks for one, and measured
against the exact run wherever one is at work."""
