"""Small parts that several panels share; they know neither document nor engine."""
