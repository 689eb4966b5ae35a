"""Each tool turns a gesture of the pointer into commands. None knows another, or the view."""
