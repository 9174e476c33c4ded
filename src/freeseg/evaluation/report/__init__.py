"""What an evaluation found, as JSON, Markdown and a page with pictures."""
