"""Pure rules of the accounting link: no input, no output, no framework."""
