"""The invoice on paper: texts per language, the typst template, and the payment code."""
