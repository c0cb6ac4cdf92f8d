"""The newsletter's audience at Mailchimp kept in step with the customers, and what happens there read back."""
