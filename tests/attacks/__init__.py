"""Hostile files: each is one clear line, and nothing else happens."""
