"""What quoting takes, beside what others take; the only commands that import geometry libraries themselves."""
