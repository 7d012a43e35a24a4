"""Every gate is broken, seen to stop, mended by the words of its *If it fails*, and seen to pass again."""
