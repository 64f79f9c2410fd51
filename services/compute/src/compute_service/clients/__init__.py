"""Other programs that compute talks to."""
