"""Foreign file formats: pictures in, pictures and layered files out."""
