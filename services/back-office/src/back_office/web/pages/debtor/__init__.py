"""The pages of one customer or supplier: card, contact persons, attachments, timeline, and merging two of them."""
