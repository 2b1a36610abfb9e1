"""What the words mean, as tables. Plan vocabulary (shapes, materials, liquids, catalogue) is read in by the lexicon."""
