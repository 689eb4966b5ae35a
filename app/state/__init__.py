"""What the window shows, without widgets: properties that signal, the queue, the open project."""
