"""Pure rules of the back office: no input, no output, no framework."""
