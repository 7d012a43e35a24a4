"""Acts on the world: each safe to repeat, some able to undo themselves."""
