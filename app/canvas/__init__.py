"""The canvas: shows a document and lets tools change it. Knows neither panels, engine nor files."""
