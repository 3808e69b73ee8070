"""Attention: recognised, computed head by head, and what it then needs."""
