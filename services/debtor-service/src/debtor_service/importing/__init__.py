"""Customer and supplier lists of others, taken in: guessed columns, a dry run, decisions, and a way back.

`judging` is shared with the one-shot import of files in our own layout; the rest is the import in three steps.
"""
