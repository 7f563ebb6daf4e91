"""What a person opens: one page for coders, and an HTTP API. Every answer is made by a worker process (`workers`)."""
