"""Windows that ask or tell one thing; each returns a value and changes nothing itself."""
