"""English sentences about scenes: tokens, lexicon, grammar, meaning. Standard library only; no silent guesses.

docs/plans.md describes the family of sentences; the stages are, in order,

    tokens -> items (lexicon) -> syntax (grammar) -> meaning -> plan (compose), and edits for a second sentence
"""
