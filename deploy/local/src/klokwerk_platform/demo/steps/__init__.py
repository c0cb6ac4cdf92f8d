"""The steps of the play, one module each. A step enters something through a door and proves what came of it."""
