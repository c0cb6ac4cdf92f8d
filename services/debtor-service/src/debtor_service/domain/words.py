"""Words for yes and no, as people write them in files."""

YES, NO = "yes", "no"
YES_WORDS = frozenset({"yes", "y", "1", "true", "ja", "j", "x"})
NO_WORDS = frozenset({"no", "n", "0", "false", "nee"})
