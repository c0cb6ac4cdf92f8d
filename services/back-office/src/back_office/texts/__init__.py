"""What people read: message catalogues, dates, amounts."""
