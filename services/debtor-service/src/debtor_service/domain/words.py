"""Words for yes and no, as people write them in files: Dutch, English, French, Swedish and German ones."""

YES, NO = "yes", "no"
YES_WORDS = frozenset({"yes", "y", "1", "true", "ja", "j", "x", "oui", "o", "vrai", "waar", "sant", "wahr"})
NO_WORDS = frozenset(
    {"no", "n", "0", "false", "nee", "non", "nej", "nein", "faux", "onwaar", "falskt", "falsch"}
)
